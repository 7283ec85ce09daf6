import Failures
import Tensors

extension Device {
  /// The device that a user names, if one can compute on it.
  /// - Throws: `SfumatoError` for a name that is none, or a device that is not there.
  public init(named name: String) throws {
    guard let device = Device(name), device != .meta else {
      throw SfumatoError(.usage, "unknown device '\(name)'; expected cpu, cuda, cuda:1 … or mps")
    }
    self = try device.validated()
  }

  /// - Throws: `SfumatoError` where nothing can compute on it.
  func validated() throws -> Device {
    guard isAvailable else {
      let there = Torch.cudaDeviceCount > 0 ? "CUDA devices here: \(Torch.cudaDeviceCount)" : "see 'sfumato doctor'"
      throw SfumatoError(.usage, "device \(self) is not available on this machine; \(there)")
    }
    return self
  }
}
