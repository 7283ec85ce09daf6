internal import CTorch

/// A stream of random numbers; on the CPU, PyTorch's numbers for the same seed.
///
/// Not Sendable, on purpose: every draw changes its state.
public final class Generator {
  let raw: OpaquePointer?
  public let device: Device

  /// - Parameter seed: on the CPU only its low 32 bits are used (they initialise a Mersenne twister).
  public init(seed: UInt64, on device: Device = .cpu) {
    self.device = device
    raw = ct_generator_new(seed, device.code)
  }

  deinit { ct_generator_free(raw) }

  /// The generator's state, which determines all further numbers, as bytes.
  public func state() throws(TorchFault) -> Tensor {
    try Tensor.apply("state", []) { _ in raw.flatMap { ct_generator_state($0) } }.validated()
  }

  /// Continues from a state returned by `state()`.
  public func restore(_ state: Tensor) throws(TorchFault) {
    guard let raw else { throw TorchFault(operation: "restore", message: "there is no generator on \(device)") }
    try Tensor.run("restore", [state]) { ct_generator_set_state(raw, $0[0]) }
  }

  /// Calls `body` with the handle, or returns a fault if the device has no generator.
  func withRaw(_ operation: String, _ body: (OpaquePointer) -> OpaquePointer?) -> Tensor {
    guard let raw else {
      return Tensor(failing: TorchFault(operation: operation, message: "there is no random generator on \(device)"))
    }
    return withExtendedLifetime(self) { Tensor.apply(operation, []) { _ in body(raw) } }
  }
}

/// The seed of a training or sampling run, saved with it; all of the run's generators derive from it.
///
/// Each purpose, step, rank and image has a stream of its own: an image's noise depends on its index alone, not on its batch,
/// and not on whether the run was resumed.
public struct Seed: Sendable, Hashable, Codable {
  public var value: UInt64
  public init(_ value: UInt64) { self.value = value }

  public init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(UInt64.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }

  /// What a stream of random numbers is used for.
  public enum Purpose: String, Sendable {
    case parameters, order, timesteps, noise, dropout, labels, sampling
  }

  /// - Parameters:
  ///   - step: the training step, or 0.
  ///   - rank: the index of the process among several, or 0.
  ///   - image: the index of the image, or 0. Different images never share a stream.
  ///   - device: the device that draws the numbers; for the same seed, other devices draw other numbers than the CPU.
  public func generator(for purpose: Purpose, step: Int = 0, rank: Int = 0, image: Int = 0, on device: Device = .cpu) -> Generator {
    Generator(seed: UInt64(stream(for: purpose, step: step, rank: rank, image: image)), on: device)
  }

  /// The 32 bits that seed the stream. Images have consecutive seeds, so that no two images of a run collide.
  func stream(for purpose: Purpose, step: Int, rank: Int, image: Int) -> UInt32 {
    var hash = value
    for byte in purpose.rawValue.utf8 { hash = Self.mix(hash ^ UInt64(byte)) }
    hash = Self.mix(hash ^ UInt64(bitPattern: Int64(step)))
    hash = Self.mix(hash ^ UInt64(bitPattern: Int64(rank)))
    return UInt32(truncatingIfNeeded: hash) &+ UInt32(truncatingIfNeeded: image)
  }

  /// The step of SplitMix64 (Steele, Lea and Flood 2014).
  private static func mix(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Tensor {
  /// Standard normal numbers, equal to PyTorch's `randn` for the same seed and shape, on the generator's device.
  public static func randn(_ shape: [Int], dtype: DType = .float32, using generator: Generator) -> Tensor {
    generator.withRaw("randn") { ct_randn(shape.wide, shape.count, dtype.code, generator.device.code, $0) }
  }
  /// Uniform numbers in [0, 1).
  public static func rand(_ shape: [Int], dtype: DType = .float32, using generator: Generator) -> Tensor {
    generator.withRaw("rand") { ct_rand(shape.wide, shape.count, dtype.code, generator.device.code, $0) }
  }
  /// Uniform integers in `range`, int64.
  public static func randint(_ range: Range<Int>, _ shape: [Int], using generator: Generator) -> Tensor {
    generator.withRaw("randint") {
      ct_randint(Int64(range.lowerBound), Int64(range.upperBound), shape.wide, shape.count, generator.device.code, $0)
    }
  }
  /// A random permutation of 0 ..< n, int64.
  public static func randperm(_ n: Int, using generator: Generator) -> Tensor {
    generator.withRaw("randperm") { ct_randperm(Int64(n), $0) }
  }
}
