/// The bytes of a pickle and where they lie, for messages that name the place.
struct PickleSource {
  /// The pickle and what follows it.
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// The zip's entry; nil where the pickle stands in the file itself.
  let entry: String?
  /// Where `bytes` begin in the file, where there is no entry.
  var start = 0

  func failure(_ message: String, at offset: Int) -> CheckpointError {
    let place = entry.map { "entry '\($0)', byte \(offset)" } ?? "byte \(start + offset)"
    return CheckpointError(.invalid, path, "\(place): \(message.count > 500 ? "\(message.prefix(500))…" : message)")
  }
}
