import Tensors

/// How training picks the timesteps of a batch; over many batches each is as likely as any other.
public enum TimestepSampling: String, Sendable, Codable, CaseIterable {
  /// Each image's by itself (Ho, Jain and Abbeel 2020).
  case uniform
  /// One from each of N equal parts of the process, so that every batch sees all noise levels and the gradient varies less
  /// (Kingma et al., "Variational Diffusion Models", 2021, appendix I.1).
  case stratified

  /// `count` timesteps in `0 ..< total`.
  public func timesteps(_ count: Int, of total: Int, using generator: Generator) throws(TorchFault) -> [Int] {
    switch self {
    case .uniform: return try Tensor.randint(0..<total, [count], using: generator).ints()
    case .stratified:
      // One offset for the batch; which image gets which part is drawn too, since images may come sorted.
      let offset = try Tensor.rand([1], dtype: .float64, using: generator).item()
      let parts = try Tensor.randperm(count, using: generator).ints()
      return parts.map { min(Int((Double($0) + offset) / Double(count) * Double(total)), total - 1) }
    }
  }
}
