import Diffusion
import Tensors

/// The random numbers of a loop of set 5: one generator, seeded once, that everything is drawn from in the order recorded.
struct SampleLoopRandomness {
  let generator: Generator
  private let manifest: Manifest
  private let shape: [Int]
  /// What is drawn before the first step, by the reference's name of it.
  private let prelude: [String]
  private let replaysNoise: Bool

  init(_ manifest: Manifest, shape: [Int], replaysNoise: Bool) throws {
    guard let seed = manifest.members["seed"]?.int, let draws = manifest.members["draws"]?.array else {
      throw ReferenceError("\(manifest.name): the seed or the draws are not understood")
    }
    self.manifest = manifest
    self.shape = shape
    self.replaysNoise = replaysNoise
    generator = Generator(seed: UInt64(seed))
    let calls = draws.compactMap { $0["call"]?.string }
    prelude = Array(calls.prefix { $0 != "randn_like" })
    guard calls.count == draws.count, calls.dropFirst(prelude.count).allSatisfy({ $0 == "randn_like" }),
      draws.allSatisfy({ $0["call"] == .string("randint") || $0["shape"]?.ints == shape })
    else { throw ReferenceError("\(manifest.name): the draws \(draws) are not understood") }
    if let recorded = manifest.config["x_T_drawn"]?.bool, recorded != prelude.contains("randn") {
      throw ReferenceError("\(manifest.name): x_T_drawn and the draws disagree")
    }
  }

  func makeNoise() -> any NoiseSource {
    replaysNoise ? ReplayedNoise(manifest, startIsDrawn: prelude.contains("randn"), generator) : BatchNoise(generator)
  }

  /// Draws what comes before the first step: the start where it is drawn, labels where the network takes them.
  func drawPrelude(_ source: any NoiseSource, classes: Int?) throws -> (start: Tensor?, labels: Tensor?) {
    var start: Tensor?, labels: Tensor?
    for call in prelude {
      switch (call, classes) {
      case ("randn", _): start = try source.firstDraw(shape)
      case ("randint", let classes?): labels = .randint(0..<classes, [shape[0]], using: generator)
      default: throw ReferenceError("\(manifest.name): drawing '\(call)' is not understood")
      }
    }
    if let labels, try labels.ints() != manifest.tensor("drawn_int0").ints() {
      throw ReferenceError("\(manifest.name): the labels drawn are \(try labels.ints())")
    }
    return (start, labels)
  }
}

extension NoiseSource {
  /// The start of a run: drawn by a copy, so that the run's own source has its first step before it. All share the generator.
  fileprivate func firstDraw(_ shape: [Int]) throws -> Tensor {
    var copy = self
    return try copy.normal(shape).validated()
  }
}

/// The noise that was recorded. Beside it the generator goes on as it did for the reference, and what it draws must agree.
struct ReplayedNoise: NoiseSource {
  private let generator: Generator
  private let recorded: [Tensor], tolerance: Double
  private let place = Place()
  private var isDrawn = false

  /// How many are drawn: one for all copies, as of the generator.
  private final class Place { var next = 0 }

  init(_ manifest: Manifest, startIsDrawn: Bool, _ generator: Generator) {
    self.generator = generator
    tolerance = manifest.members["atol_of_redrawn_normals"]?.number ?? 5e-6
    let start = startIsDrawn ? try? manifest.tensor("x_T") : nil
    let noise = try? manifest.tensor("noise")
    recorded = [start].compactMap { $0 } + (noise.map { noise in (0..<noise.size(0)).map { noise.select(0, $0) } } ?? [])
  }

  mutating func normal(_ shape: [Int]) -> Tensor {
    isDrawn = true
    defer { place.next += 1 }
    let drawn = Tensor.randn(shape, using: generator)
    guard recorded.indices.contains(place.next), recorded[place.next].shape == shape else {
      return drawn.failed("replay", "nothing of this shape was recorded as number \(place.next)")
    }
    let want = recorded[place.next]
    guard let difference = try? (drawn - want).abs().max().item(), difference <= tolerance else {
      return drawn.failed("replay", "number \(place.next) is drawn otherwise than recorded")
    }
    return want
  }

  mutating func stepEnded(_ shape: [Int]) {
    if !isDrawn { _ = normal(shape) }
    isDrawn = false
  }
}
