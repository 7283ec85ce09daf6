import Foundation
import Tensors

extension PictureLikeness {
  /// Structural similarity (Wang et al. 2004): Gaussian windows of 11 pixels, σ = 1.5, where they fit; K = 0.01, 0.03. The mean over
  /// windows and planes.
  /// - Parameters: a, b: planes `[P, H, W]`, 0 to 255, of one shape.
  /// - Returns: nil for pictures with a side of fewer than 11 pixels.
  public static func structuralSimilarity(_ a: Tensor, _ b: Tensor) throws -> Double? {
    guard min(a.size(1), a.size(2)) >= window.count else { return nil }
    return try means(of: a.to(.float64), b.to(.float64)).similarity.mean().item()
  }

  /// Structural similarity over five scales (Wang et al. 2003, "Multi-scale structural similarity for image quality assessment"): contrast
  /// and structure of every scale, luminance of the coarsest. Between scales pictures are halved by means of 2 x 2 pixels, of which
  /// those beyond an odd edge repeat it. The mean over planes.
  /// - Parameters: a, b: planes `[P, H, W]`, 0 to 255, of one shape.
  /// - Returns: nil for pictures with fewer than 11 pixels along a side of the coarsest scale: of a side below 161 pixels.
  public static func multiscaleSimilarity(_ a: Tensor, _ b: Tensor) throws -> Double? {
    var (a, b) = (a.to(.float64), b.to(.float64))
    var side = min(a.size(1), a.size(2))
    for _ in scaleWeights.dropFirst() { side = (side + 1) / 2 }
    guard side >= window.count else { return nil }
    var product = Tensor.ones([a.size(0)], dtype: .float64)
    for (scale, weight) in scaleWeights.enumerated() {
      let isLast = scale == scaleWeights.count - 1, found = try means(of: a, b)
      // A negative mean has no root.
      product = product * (isLast ? found.similarity : found.contrast).relu().pow(weight)
      if !isLast { (a, b) = (halved(a), halved(b)) }
    }
    return try product.mean().item()
  }

  /// The weights of the scales, the finest first.
  private static let scaleWeights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]

  private static let window: [Double] = {
    let taps = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }, sum = taps.reduce(0, +)
    return taps.map { $0 / sum }
  }()

  /// Rows of windows that are computed at a time.
  private static let strip = 256

  /// Means over the windows of each plane, `[P]`: the whole similarity, and its factor of contrast and structure. Computed in strips, so
  /// that no more than the planes themselves grows with the picture.
  private static func means(of a: Tensor, _ b: Tensor) throws -> (similarity: Tensor, contrast: Tensor) {
    let reach = window.count - 1, rows = a.size(1) - reach, count = Double(rows * (a.size(2) - reach))
    var similarity = Tensor.zeros([a.size(0)], dtype: .float64), contrast = similarity
    for start in stride(from: 0, to: rows, by: strip) {
      let length = min(strip, rows - start) + reach
      let part = maps(of: a.narrow(1, start, length), b.narrow(1, start, length))
      similarity = try (similarity + part.similarity.sum(1, 2)).validated()
      contrast = try (contrast + part.contrast.sum(1, 2)).validated()
    }
    return (similarity / count, contrast / count)
  }

  private static func maps(of a: Tensor, _ b: Tensor) -> (similarity: Tensor, contrast: Tensor) {
    let c1 = (0.01 * peak) * (0.01 * peak), c2 = (0.03 * peak) * (0.03 * peak)
    let meanA = windowed(a), meanB = windowed(b)
    let varianceA = windowed(a.square()) - meanA.square(), varianceB = windowed(b.square()) - meanB.square()
    let covariance = windowed(a * b) - meanA * meanB
    let contrast = (covariance * 2 + c2) / (varianceA + varianceB + c2)
    return ((meanA * meanB * 2 + c1) / (meanA.square() + meanB.square() + c1) * contrast, contrast)
  }

  /// The Gaussian mean of every window that fits.
  private static func windowed(_ x: Tensor) -> Tensor {
    [1, 2].reduce(x) { x, axis in
      let length = x.size(axis) - window.count + 1
      let parts = window.enumerated().map { x.narrow(axis, $0.offset, length) * $0.element }
      return parts.dropFirst().reduce(parts[0], +)
    }
  }

  private static func halved(_ x: Tensor) -> Tensor {
    let planes = x.unsqueeze(0).pad(top: 0, bottom: x.size(1) % 2, left: 0, right: x.size(2) % 2, with: .replicate)
    return planes.avgPool2d(2).squeeze(0)
  }
}
