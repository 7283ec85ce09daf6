internal import CTorch
import Failures

/// Counts the memory that a computation would take, by running it on the `meta` device, where nothing is computed: each storage is
/// counted from its creation to its release, including those kept for gradients. Views share their storage and add nothing.
///
///     let account = MemoryAccount()
///     let network = try account.counting { try recipe.makeNetwork(using: .shapes) }
///     let weights = account.live
///     try account.counting { try network(x, …).mean().backward() }
///     print(account.peak)
public final class MemoryAccount {
  private let raw: OpaquePointer?

  /// - Parameter small: storages below this many bytes count as small; allocators do not return such memory after its release.
  public init(small: Int = 0) { raw = ct_account_new(Int64(small)) }
  deinit { ct_account_free(raw) }

  /// Bytes held now, and the most held at once.
  public var live: Int { Int(ct_account_memory(raw).live) }
  public var peak: Int { Int(ct_account_memory(raw).peak) }
  /// The same for small storages alone.
  public var smallLive: Int { Int(ct_account_small_memory(raw).live) }
  public var smallPeak: Int { Int(ct_account_small_memory(raw).peak) }

  /// Restarts the peaks at the memory held now.
  public func restartPeaks() { ct_account_restart_peaks(raw) }

  /// Counts the tensors that `body` creates on the `meta` device on this thread, except those counted by an inner account.
  public func counting<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = ct_account_use(raw)
    defer { _ = ct_account_use(before) }
    return try withExtendedLifetime(self) { () throws(Failure) in try body() }
  }
}

extension Tensor {
  /// A shape without elements, which no account counts: it stands for a tensor that takes no memory on a real device either.
  package static func shapeAlone(_ shape: [Int]) -> Tensor {
    let account = ct_account_use(nil)
    defer { _ = ct_account_use(account) }
    return .empty(shape, on: .meta)
  }
}
