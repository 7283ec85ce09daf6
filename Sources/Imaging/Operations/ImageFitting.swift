import Foundation

/// Fits a picture of any size to the size that a model is trained with, as guided-diffusion's `image_datasets.py` does,
/// for sides that may differ. The numbers are those of its code on Pillow.
extension Image {
  /// Resized until it just covers `width` x `height`, the proportions kept: halved by a box filter while both sides are
  /// at least twice as long as asked, then resampled with `bicubic` by the larger of the two ratios. A picture that is too
  /// small is made larger.
  ///
  /// Halving first is faster than one step and keeps more of the picture's grain. An odd side loses half a pixel at each halving
  /// (the box then counts a pixel whole by its centre).
  public func covering(width: Int, height: Int) throws -> Image {
    try checkTarget(width: width, height: height)
    var image = self
    while image.width >= 2 * width && image.height >= 2 * height {
      image = image.resampled(width: image.width / 2, height: image.height / 2, kernel: .box)
    }
    let ratio = max(Double(width) / Double(image.width), Double(height) / Double(image.height))
    return try image.resized(
      width: max(width, scaled(image.width, ratio)), height: max(height, scaled(image.height, ratio)), filter: .bicubic)
  }

  /// The middle of the picture at `width` x `height`: `covering`, and the excess cropped at two sides. An odd remainder
  /// is cut at the right or at the bottom. guided-diffusion: `center_crop_arr`.
  public func centerFitted(width: Int, height: Int) throws -> Image {
    try covering(width: width, height: height).centerCropped(width: width, height: height)
  }

  private func checkTarget(width: Int, height: Int) throws {
    guard width > 0, height > 0, width <= Self.pixelLimit / height else {
      throw ImagingError(
        .invalid("an image cannot be fitted to \(width) x \(height), expected positive sides and at most \(Self.pixelLimit) pixels"))
    }
  }
}

/// The scaled side, rounded to the nearest, ties to even, as in Python.
private func scaled(_ side: Int, _ ratio: Double) -> Int { Int((Double(side) * ratio).rounded(.toNearestOrEven)) }
