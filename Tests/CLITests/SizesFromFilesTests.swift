import Foundation
import Testing

/// A number in a file never decides how much memory is taken before it is held against a bound: under a cap of 2 GiB each is refused
/// with its own message, not for want of memory.
@Suite("Sizes that files promise") struct SizesFromFilesTests {
  private let shop: Workshop
  private static let cap = 1 << 31

  init() throws { shop = try Workshop() }

  private func run(_ arguments: String...) throws -> Program.Run { try Program.run(arguments, memoryLimit: Self.cap, in: shop.path) }

  @Test(arguments: ["100000000", "2147483647", "9223372036854775807"]) func stepsOfARecipe(count: String) throws {
    let run = try run("recipe", "check", "tiny.yaml", "--set", "process.schedule.steps=\(count)")
    #expect(run.status == 65 && run.errors.contains("expected 1 to 100000"), "\(run.errors)")
  }

  @Test(
    arguments: [
      ("network.model_channels=2000000000", 65), ("training.batch_size=9000000000000000000", 65), ("network.num_res_blocks=2000000000", 65),
      ("data.size=1000000000", 65), ("training.ema.decay=1e309", 65), ("data.count=-1", 65), ("data.count=9000000000000000000", 65),
      ("network.channel_mult=[1000000000]", 65),
      ("training.timestep_sampling={type: loss_second_moment, history_per_term: 10000}", 65), ("sampling.steps=2147483647", 65),
    ] as [(String, Int32)])
  func otherCountsOfARecipe(setting: String, status: Int32) throws {
    let run = try run("recipe", "check", "tiny.yaml", "--set", setting)
    #expect(run.status == status && run.errors.hasPrefix("error: "), "\(run.status) \(run.errors)")
  }

  /// - Parameter recipe: the text in the metadata.
  private func model(_ recipe: String, to name: String) throws {
    let header: [String: Any] = [
      "__metadata__": ["sfumato.recipe": recipe], "a": ["dtype": "F32", "shape": [2], "data_offsets": [0, 8]],
    ]
    let json = try JSONSerialization.data(withJSONObject: header)
    var bytes = withUnsafeBytes(of: UInt64(json.count).littleEndian) { [UInt8]($0) }
    bytes += [UInt8](json)
    bytes += [UInt8](repeating: 0, count: 8)
    try shop.write(bytes, to: name)
  }

  @Test(arguments: [
    "process: { schedule: { steps: 1000000000 } }", "data: { channels: 3, height: 1000000000, width: 1000000000 }",
    "network: { type: adm_unet, model_channels: 1000000000 }",
    "a: &a [x,x,x,x,x,x,x,x,x]\n" + (0..<9).map { "b\($0): &b\($0) [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" }.joined(),
  ])
  func theRecipeInAModel(recipe: String) throws {
    try model(recipe, to: "m.safetensors")
    let inspected = try run("inspect", "m.safetensors")
    #expect(inspected.status == 0 && inspected.output.contains("recipe     invalid: "), "\(inspected.output) \(inspected.errors)")
    let sampled = try run("sample", "m.safetensors", "-o", "x.png")
    #expect(sampled.status == 65 && sampled.errors.contains("the recipe in m.safetensors"), "\(sampled.errors)")
  }

  @Test func theHeadersOfOtherFiles() throws {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8, 3), }"
    let length = UInt8(header.utf8.count), idx: [UInt8] = [0, 0, 8, 3, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 28, 0, 0, 0, 28]
    var npy: [UInt8] = [0x93]
    npy += Array("NUMPY".utf8)
    npy += [1, 0, length, 0]
    npy += Array(header.utf8)
    let safetensors: [UInt8] = [0, 0, 0, 0, 0, 0, 1, 0, 0x7B, 0x7D]
    let files: [(String, [UInt8])] = [
      ("a.npy", npy), ("a.pgm", Array("P5 16384 16384 255\nxx".utf8)), ("b.pgm", Array("P2 16384 16384 65535 1 2 3".utf8)),
      ("a-images-idx3-ubyte", idx), ("a.safetensors", safetensors),
    ]
    for (name, bytes) in files {
      try shop.write(bytes, to: name)
      let command = name.hasSuffix(".safetensors") ? ["inspect", name] : ["data", "inspect", name]
      let run = try Program.run(command, memoryLimit: Self.cap, in: shop.path)
      #expect(run.status == 65 && (run.errors + run.output).contains(name), "\(run.status) \(run.errors)")
    }
  }
}
