/// Random numbers that are the same on every machine and in every version of Swift: SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", OOPSLA 2014), and nothing but exact arithmetic on top.
public struct StableRandom: Sendable {
  private var state: UInt64

  /// A stream for each pair of keys, such as a seed and the index of an image.
  public init(_ key: UInt64, _ index: UInt64) {
    state = Self.mix(key &+ Self.gamma) ^ Self.mix(index &* 0xD1B5_4A32_D192_ED03 &+ 1)
  }

  private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// A permutation of the 64-bit numbers under which neighbours have nothing in common.
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bits() -> UInt64 {
    state &+= Self.gamma
    return Self.mix(state)
  }

  /// A number in [0, 1), in steps of 2 to the power of -53.
  mutating func uniform() -> Double { Double(bits() >> 11) * 0x1p-53 }

  mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// Mean 0, deviation 1, bell-shaped and within 3.5: the sum of four uniform numbers.
  mutating func bell() -> Double {
    let sum = uniform() + uniform() + uniform() + uniform()
    return (sum - 2) * 1.7320508075688772
  }

  /// A number from 0 to `count` - 1.
  mutating func below(_ count: Int) -> Int { Int(uniform() * Double(count)) }
}
