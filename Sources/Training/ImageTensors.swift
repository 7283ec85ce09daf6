import Imaging
import Tensors

extension Tensor {
  /// Images of one size as numbers in [−1, 1], byte / 127.5 − 1: `[N, C, H, W]` float32, channels last in memory.
  public init(images: [Image]) throws(TorchFault) {
    guard let first = images.first else { throw TorchFault(operation: "Tensor(images:)", message: "there are no images") }
    for image in images where (image.width, image.height, image.channels) != (first.width, first.height, first.channels) {
      throw TorchFault(
        operation: "Tensor(images:)",
        message: "images of one size are needed, found \(first.width) x \(first.height) x \(first.channels) and "
          + "\(image.width) x \(image.height) x \(image.channels)")
    }
    let pixels = Tensor(images.flatMap(\.bytes), [images.count, first.height, first.width, first.channels])
    self = (pixels.to(.float32) / 127.5 - 1).permute(0, 3, 1, 2)
  }

  /// Numbers in [−1, 1] as images, converted to bytes as the reference programs do: (x + 1) 127.5, clamped, truncated. What
  /// `init(images:)` made comes back exactly.
  /// self: `[N, C, H, W]` with 1 to 4 channels.
  public func images() throws(TorchFault) -> [Image] {
    let (n, c, h, w) = (size(0), size(1), size(2), size(3))
    guard rank == 4, (1...4).contains(c), count > 0 else {
      throw failed("images", "expected [N, C, H, W] with 1 to 4 channels").fault!
    }
    // Going there and back in float32 loses up to 2e-5 of a byte, which truncation alone would make a whole one.
    let rounding = 0x1p-14
    let bytes = try ((self + 1) * 127.5 + rounding).clamp(0...255).permute(0, 2, 3, 1).uint8s()
    let length = c * h * w
    return (0..<n).map { i in
      Image(width: w, height: h, channels: c, bytes: Array(bytes[(i * length)..<((i + 1) * length)]))
    }
  }
}
