import Failures
import Tensors

/// The device that a user names, if one can compute on it.
func computeDevice(_ name: String) throws -> Device {
  guard let device = Device(name), device != .meta else {
    throw SfumatoError(.usage, "unknown device '\(name)'; expected cpu, cuda, cuda:1 … or mps")
  }
  guard device.isAvailable else {
    let there = Torch.cudaDeviceCount > 0 ? "CUDA devices here: \(Torch.cudaDeviceCount)" : "see 'sfumato doctor'"
    throw SfumatoError(.usage, "device \(device) is not available on this machine; \(there)")
  }
  return device
}
