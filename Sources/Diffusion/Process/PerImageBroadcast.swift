import Tensors

extension [Double] {
  /// Numbers shaped to multiply images: one for each, `[N, 1, 1, 1]`, or one for all, `[1, 1, 1, 1]`; of x's dtype and device.
  /// - Faults: when there is neither one number nor one for each image.
  package func column(like x: Tensor) -> Tensor {
    guard x.fault == nil else { return x }
    guard count == 1 || count == x.size(0) else {
      return x.failed("levels", "\(count) noise levels for \(x.size(0)) images; expected one for all or one for each")
    }
    return Tensor(self, [count] + Array<Int>(repeating: 1, count: Swift.max(x.rank - 1, 0))).to(like: x)
  }
}

/// One level for a whole batch, or one for each image.
extension [NoiseLevel] {
  /// A number of each level, shaped to multiply images.
  package func column(_ value: (NoiseLevel) -> Double, like x: Tensor) -> Tensor { map(value).column(like: x) }

  /// The timesteps for the network, `[N]`, float32, on x's device.
  func timesteps(for x: Tensor) -> Tensor {
    guard x.fault == nil, count == 1 else { return Tensor(map { Float($0.timestep) }).to(x.device) }
    return .full(self[0].timestep, [x.size(0)], on: x.device)
  }
}
