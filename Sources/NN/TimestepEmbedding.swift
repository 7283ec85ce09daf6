import Foundation
import Tensors

/// Sines and cosines of the timestep at frequencies from 1 to 1/maxPeriod, cosines first, as ADM's (after Vaswani et al.
/// 2017, section 3.5).
/// - Parameters:
///   - timesteps: `[N]`, integer or fractional.
///   - sinesFirst: sines before cosines.
///   - frequencyShift: frequency i of half is maxPeriod^(-i / (half - shift)); with 1 the last is 1/maxPeriod. Less than half.
/// - Returns: `[N, dimension]` float32; if dimension is odd, the last column is zero.
public func timestepEmbedding(
  _ timesteps: Tensor, dimension: Int, maxPeriod: Double = 10_000, sinesFirst: Bool = false, frequencyShift: Double = 0
) -> Tensor {
  let half = dimension / 2
  // Multiplied, then divided, as in ADM: at timesteps near 1000 the last bit of a frequency affects the fourth digit.
  let exponents = Tensor.arange(0, Double(half), on: timesteps.device) * -Foundation.log(maxPeriod) / (Double(half) - frequencyShift)
  let arguments = timesteps.to(.float32).unsqueeze(-1) * exponents.exp().unsqueeze(0)
  let columns = sinesFirst ? [arguments.sin(), arguments.cos()] : [arguments.cos(), arguments.sin()]
  guard dimension % 2 == 1 else { return .cat(columns, dim: -1) }
  return .cat(columns + [.zeros([timesteps.size(0), 1], on: timesteps.device)], dim: -1)
}
