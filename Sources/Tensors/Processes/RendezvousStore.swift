internal import CTorch
import Failures

/// The store through which processes meet, held by what starts them. Any of them may end without taking it along.
public final class RendezvousStore: @unchecked Sendable {  // libtorch's server has a thread of its own; nothing here changes
  private let raw: OpaquePointer
  /// The port on which it is served.
  public var port: Int { Int(ct_store_port(raw)) }

  /// Serves a store on a free port of this machine.
  /// - Throws: `SfumatoError` of the class `io` when the system refuses.
  public init(address: String = "127.0.0.1") throws(SfumatoError) {
    guard let raw = ct_store_serve(address, 0) else {
      throw SfumatoError(.io, "no store for the processes can be served on \(address): \(Tensor.takeFault("serve", []).message)")
    }
    self.raw = raw
  }

  deinit { ct_store_free(raw) }
}
