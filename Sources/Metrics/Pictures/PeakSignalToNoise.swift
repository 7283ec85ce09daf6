import Foundation
import Tensors

/// Figures of how close a picture is to its original. Both are tensors of the samples' values, 0 to 255.
public enum PictureLikeness {
  /// The largest value of a sample.
  static let peak = 255.0

  /// The peak signal-to-noise ratio in decibels, of the mean squared error over all samples; infinite for equal pictures.
  /// - Parameters: a, b: of one shape.
  public static func peakSignalToNoise(_ a: Tensor, _ b: Tensor) throws -> Double {
    try peakSignalToNoise(meanSquaredError: meanSquaredError(a, b))
  }

  public static func peakSignalToNoise(meanSquaredError error: Double) -> Double {
    error > 0 ? 10 * log10(peak * peak / error) : .infinity
  }

  /// Over all samples.
  public static func meanSquaredError(_ a: Tensor, _ b: Tensor) throws -> Double {
    try (a.to(.float64) - b.to(.float64)).square().mean().item()
  }

  /// Luma of ITU-R BT.601 in its nominal range, 16 to 235, not rounded: what restoration is judged on.
  /// - Parameter planes: red, green and blue, `[3, H, W]`, 0 to 255.
  /// - Returns: `[1, H, W]` float64.
  public static func luma(_ planes: Tensor) -> Tensor {
    let weights = Tensor([65.481, 128.553, 24.966], [3, 1, 1]) / peak
    return (planes.to(.float64) * weights).sum(0, keep: true) + 16
  }
}
