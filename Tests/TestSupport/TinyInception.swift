import Networks
import Tensors

extension Tiny {
  /// Weights of an InceptionV3 a sixteenth as wide, by the formula of `Tests/Fixtures/networks/inception.py`: activations are of one size
  /// from the first layer to the last.
  package static func inception() -> StateDict {
    let state = InceptionV3(narrowing: 16, using: .shapes).state().map { ($0.name, $0.entry.value.shape) }
    return StateDict(
      state.sorted { $0.0 < $1.0 }.enumerated().map { seed, entry in
        let (name, shape) = entry
        let u = hashed(shape.reduce(1, *), seed: seed)
        return (name, Tensor(values(of: name, shape, u).map { Float($0) }, shape))
      })
  }

  private static func values(of name: String, _ shape: [Int], _ u: [Double]) -> [Double] {
    if name.hasSuffix("conv.weight") {
      let bound = (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
      return u.map { (2 * $0 - 1) * bound }
    }
    if name == "fc.weight" { return u.map { (2 * $0 - 1) / 4 } }
    let isCentred = name.hasSuffix("running_mean") || name.hasSuffix("bias")
    return u.map { isCentred ? ($0 - 0.5) / 4 : $0 + 0.5 }
  }

  /// Numbers in [0, 1) by hashing their places.
  private static func hashed(_ count: Int, seed: Int) -> [Double] {
    (0..<count).map { place in
      var u = UInt32(truncatingIfNeeded: place &* 2_654_435_761 &+ seed &* 40503 &+ 12345)
      u = (u ^ (u >> 15)) &* 2_246_822_519
      u = (u ^ (u >> 13)) &* 3_266_489_917
      return Double(u ^ (u >> 16)) / 4_294_967_296
    }
  }
}
