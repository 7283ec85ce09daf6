import Imaging
import Tensors

/// A picture that can be upscaled: its samples as numbers from 0 to 1 for the network, and back.
public protocol UpscalingPicture: Raster {
  /// `[1, height, width, channels]` float32, from 0 to 1.
  func unitTensor(on device: Device) -> Tensor
  /// The nearest samples for `[1, H, W, C]`; what lies beyond 0 and 1 is clamped.
  /// - Throws: `TorchFault` of the computation.
  static func samples(ofUnit tensor: Tensor) throws -> [Sample]
}

extension Image: UpscalingPicture {
  public func unitTensor(on device: Device) -> Tensor { Tensor(bytes, [1, height, width, channels]).to(device).to(.float32) / 255 }

  public static func samples(ofUnit tensor: Tensor) throws -> [UInt8] { try (tensor.clamp(0...1) * 255 + 0.5).uint8s() }
}

extension DeepImage: UpscalingPicture {
  public func unitTensor(on device: Device) -> Tensor {
    Tensor(samples.map { Float($0) / 65_535 }, [1, height, width, channels]).to(device)
  }

  public static func samples(ofUnit tensor: Tensor) throws -> [UInt16] {
    // What a broken network gives, such as NaN, is black.
    try (tensor.clamp(0...1) * 65_535 + 0.5).floats().map { $0.isFinite ? UInt16($0) : 0 }
  }
}
