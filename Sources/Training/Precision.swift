import Tensors

/// The type in which products are computed.
public enum Precision: String, Codable, Sendable, CaseIterable {
  case float32, bfloat16

  public var dtype: DType { self == .float32 ? .float32 : .bfloat16 }
}

/// A precision, or `auto`: the faster one of the device.
public enum PrecisionChoice: String, Codable, Sendable, CaseIterable {
  case auto, float32, bfloat16

  public init(_ precision: Precision) { self = precision == .float32 ? .float32 : .bfloat16 }

  /// The precision itself. That of `auto` follows a fixed rule, so that bytes repeat: bfloat16 on CUDA devices and on processors with AMX's
  /// bfloat16 tiles, float32 elsewhere. Without AMX our float32 convolutions are as fast as oneDNN's in bfloat16, or faster; see
  /// docs/benchmarks.md.
  /// - Parameter features: of the processor, as `Torch.cpuFeatures` names them.
  public func resolved(on device: Device, features: [String] = Torch.cpuFeatures) -> Precision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .auto: Self.fastest(on: device, features)
    }
  }

  private static func fastest(on device: Device, _ features: [String]) -> Precision {
    switch device {
    case .cuda: .bfloat16
    case .cpu: features.contains("amx_bf16") ? .bfloat16 : .float32
    case .mps, .meta: .float32
    }
  }
}
