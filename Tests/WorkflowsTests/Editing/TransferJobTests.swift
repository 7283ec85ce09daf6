import Diffusion
import Failures
import Imaging
import Models
import Tensors
import Testing

@testable import Workflows

@Suite("Transferring pictures") struct TransferJobTests {
  let shop: EditingShop
  let picture: String

  init() throws {
    shop = try EditingShop()
    picture = try shop.picture("p.png", seed: 2)
  }

  private func error(_ change: (inout TransferRequest) -> Void = { _ in }) throws -> Int {
    let job = try shop.transfer([picture], change)
    return EditingShop.difference(try Image(file: picture), try Image(file: job.written[0]))
  }

  /// Also through a copy of the model, at every strength. The bound is that of the inversion: see `InversionJobTests`.
  @Test(arguments: [0.3, 0.6, 1]) func betweenEqualModelsIsTheIdentityWithinTheBound(strength: Double) throws {
    let copy = try shop.model("copy.safetensors", set: [])
    #expect(try error { $0.strength = strength } <= EditingShop.bound)
    #expect(try error { ($0.strength, $0.to, $0.fromClasses, $0.toClasses) = (strength, copy, ["3"], ["3"]) } <= EditingShop.bound)
  }

  @Test func betweenClassesChangesThePictureTheMoreTheStronger() throws {
    let errors = try [0.2, 0.5, 1].map { strength in
      try error { ($0.strength, $0.fromClasses, $0.toClasses, $0.guidance) = (strength, ["3"], ["8"], 2) }
    }
    #expect(errors[0] < errors[1] && errors[1] < errors[2] && errors[2] > EditingShop.bound, "\(errors)")
  }

  @Test func anotherScheduleStartsAtTheSameNoise() throws {
    let other = try shop.model("linear.safetensors", set: ["process.schedule.type=linear"])
    #expect(try Model(shop.model).recipe.process.schedule.type == "cosine" && Model(other).recipe.process.schedule.type == "linear")
    let codecs = try [shop.model, other].map { try LatentCodec($0, count: 1, classes: [], settings: EditingShop.settings()) }
    let start = try codecs[0].upTo(strength: 0.5).levels[0], levels = codecs[1].starting(as: start).levels
    // α and σ are computed from λ.
    #expect(abs(levels[0].alpha - start.alpha) < 1e-12 && abs(levels[0].sigma - start.sigma) < 1e-12)
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $0.isNoisier(than: $1) } && levels.last == .clean)
    #expect(codecs[0].starting(as: start).levels == (try codecs[0].upTo(strength: 0.5).levels))
    #expect(try shop.transfer([picture]) { ($0.to, $0.strength) = (other, 0.5) }.written.count == 1)
  }

  @Test func resultsOfAFolderKeepTheirNamesAndABrokenPictureIsReported() throws {
    for index in 0..<3 { _ = try shop.picture("in/\(index).png", seed: UInt64(index)) }
    _ = try shop.folder.write("text", to: "in/1.png")
    let out = shop.folder.path + "/out", sheet = shop.folder.path + "/sheet.png"
    let job = try shop.transfer([shop.folder.path + "/in"]) { ($0.output, $0.comparison, $0.settings.batchSize) = (out, sheet, 2) }
    #expect(job.written == ["\(out)/0.png", "\(out)/2.png"] && job.failures.count == 1 && job.comparison == sheet)
    #expect(try Image(file: sheet).width > 160)
  }

  @Test func badRequestsAreRefusedBeforeAnythingIsComputed() throws {
    func problem(_ change: (inout TransferRequest) -> Void) -> SfumatoError? { refusal { try shop.transfer([picture], change) } }
    let large = try shop.model("large.safetensors", set: ["data.height=16", "data.width=16"])
    let size = problem { $0.to = large }
    #expect(size?.failure == .usage && size?.description.contains("8 x 8 x 1") == true && size?.description.contains("16 x 16 x 1") == true)
    let colored = try shop.model("rgb.safetensors", set: ["data.channels=3"])
    #expect(problem { $0.from = colored }?.description.contains("number of channels") == true)
    #expect(problem { $0.to = "nowhere" }?.failure == .missing)
    #expect(problem { $0.guidance = 2 }?.description.contains("no class was requested") == true)
    #expect(problem { $0.output = picture }?.description.contains("overwritten") == true)
    for strength in [0, -1, 1.1, .nan] {
      let path = #expect(throws: SamplingPathError.self) { try shop.transfer([picture]) { $0.strength = strength } }
      #expect(path.map { Failure(of: $0) } == .usage)
    }
  }
}
