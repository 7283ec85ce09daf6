internal import CTorch

/// The device that holds a tensor's elements.
public enum Device: Sendable, Hashable, CustomStringConvertible {
  case cpu
  case cuda(Int)
  case mps
  /// Shapes without elements, for counting and checking.
  case meta

  /// `cpu`, `cuda`, `cuda:1`, `mps` or `meta`.
  public init?(_ text: String) {
    switch text {
    case "cpu": self = .cpu
    case "mps": self = .mps
    case "meta": self = .meta
    case "cuda": self = .cuda(0)
    default:
      guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), (0..<128).contains(index) else { return nil }
      self = .cuda(index)
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    case .mps: "mps"
    case .meta: "meta"
    }
  }

  /// Whether tensors can be created on it now.
  public var isAvailable: Bool {
    switch self {
    case .cpu, .meta: true
    case .cuda(let index): index < Torch.cudaDeviceCount
    case .mps: Torch.mpsIsAvailable
    }
  }

  /// Waits for all pending work on the device.
  public func synchronize() { _ = ct_synchronize(code) }

  var code: ct_device {
    switch self {
    case .cpu: ct_device(type: Int32(CT_CPU.rawValue), index: 0)
    case .cuda(let index): ct_device(type: Int32(CT_CUDA.rawValue), index: Int32(index))
    case .mps: ct_device(type: Int32(CT_MPS.rawValue), index: 0)
    case .meta: ct_device(type: Int32(CT_META.rawValue), index: 0)
    }
  }

  init(code: ct_device) {
    switch UInt32(code.type) {
    case CT_CUDA.rawValue: self = .cuda(Int(code.index))
    case CT_MPS.rawValue: self = .mps
    case CT_META.rawValue: self = .meta
    default: self = .cpu
    }
  }
}
