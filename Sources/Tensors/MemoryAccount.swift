internal import CTorch
import Failures

/// The memory that work would take, found by doing it on the device `meta`, where nothing is computed: the bytes of every storage
/// are counted from its creation to its release, those kept for gradients included. Views share their storage and count nothing.
///
///     let account = MemoryAccount()
///     let network = try account.counting { try recipe.makeNetwork(using: .shapes) }
///     let weights = account.live
///     try account.counting { try network(x, …).mean().backward() }
///     print(account.peak)
public final class MemoryAccount {
  private let raw: OpaquePointer?

  /// - Parameter small: the bytes below which a storage counts as small: allocators keep room for such ones after their release.
  public init(small: Int = 0) { raw = ct_account_new(Int64(small)) }
  deinit { ct_account_free(raw) }

  /// Bytes that are held now, and the most that were at once.
  public var live: Int { Int(ct_account_memory(raw).live) }
  public var peak: Int { Int(ct_account_memory(raw).peak) }
  /// The same of small storages alone.
  public var smallLive: Int { Int(ct_account_small_memory(raw).live) }
  public var smallPeak: Int { Int(ct_account_small_memory(raw).peak) }

  /// From now on the peaks are those of what is to come.
  public func restartPeaks() { ct_account_restart_peaks(raw) }

  /// Counts the tensors that `body` makes on the device `meta`, on this thread, and none that other accounts count.
  public func counting<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = ct_account_use(raw)
    defer { _ = ct_account_use(before) }
    return try withExtendedLifetime(self) { () throws(Failure) in try body() }
  }
}

extension Tensor {
  /// A shape that takes no memory where the other tensors are real, and so counts as none.
  package static func shapeAlone(_ shape: [Int]) -> Tensor {
    let account = ct_account_use(nil)
    defer { _ = ct_account_use(account) }
    return .empty(shape, on: .meta)
  }
}
