import Failures
import Tensors

extension Device {
  /// The named device, if it can compute.
  /// - Throws: `SfumatoError` for an unknown name or an unavailable device.
  public init(named name: String) throws {
    guard let device = Device(name), device != .meta else {
      throw SfumatoError(.usage, "unknown device '\(name)'; expected cpu, cuda, cuda:1 … or mps")
    }
    self = try device.validated()
  }

  /// - Throws: `SfumatoError` when the device is unavailable.
  func validated() throws -> Device {
    guard isAvailable else {
      let hint = Torch.cudaDeviceCount > 0 ? "CUDA devices here: \(Torch.cudaDeviceCount)" : "see 'sfumato doctor'"
      throw SfumatoError(.usage, "device \(self) is not available on this machine; \(hint)")
    }
    return self
  }
}
