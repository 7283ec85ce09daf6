import Failures

/// The `SfumatoError` that `body` throws; nil for another error and for none.
package func refusal<R>(_ body: () throws -> R) -> SfumatoError? {
  do { _ = try body() } catch let error as SfumatoError { return error } catch { return nil }
  return nil
}
