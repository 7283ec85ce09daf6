import Archives

/// A file of `torch.save` before PyTorch 1.6: five pickles one after the other (a magic number, a version, facts of the
/// machine, the object, the storages' keys), then each storage: its number of elements in 8 bytes, and the elements.
struct LegacyFile {
  let source: PickleSource
  let pickle: Pickle
  /// Where each storage's elements lie in the file.
  let storages: [String: Range<Int>]

  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  init(_ file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    var source = PickleSource(bytes: file, path: path, entry: nil)
    func next() throws(CheckpointError) -> Pickle {
      let pickle = try PickleMachine.read(source)
      let rest = UnsafeRawBufferPointer(rebasing: source.bytes[pickle.end...])
      source = PickleSource(bytes: rest, path: path, entry: nil, start: source.start + pickle.end)
      return pickle
    }
    guard case .longInteger(Self.magic) = try next().root else {
      throw CheckpointError(.invalid, path, "is a pickle, but not one of torch.save; a state dict must be saved by torch.save")
    }
    let version = try next()
    guard version.root.integer == 1001 else {
      throw source.failure("the format's version is \(version.describe(version.root)); expected 1001", at: 0)
    }
    let facts = try next()
    for (key, value) in facts.pairs(facts.root) ?? [] where key.text == "little_endian" {
      guard case .bool(true) = value else { throw source.failure("the file was written by a big-endian machine", at: 0) }
    }
    self.source = source
    pickle = try next()
    let keys = try next()
    storages = try Self.storages(keys, of: pickle, source)
  }

  private static func storages(_ keys: Pickle, of pickle: Pickle, _ source: PickleSource) throws(CheckpointError) -> [String: Range<Int>] {
    guard let list = keys.sequence(keys.root) else { throw source.failure("expected the keys of storages before this", at: 0) }
    var known: [String: Pickle.Storage] = [:]
    for storage in pickle.storages where known[storage.key] == nil { known[storage.key] = storage }
    var ranges: [String: Range<Int>] = [:]
    var cursor = ByteCursor(source.bytes)
    for key in list {
      if let key = key.text, known[key] == nil, let unread = StateDictSearch.unreadTensor(in: pickle, source) { throw unread }
      guard let key = key.text, let storage = known[key], ranges[key] == nil else {
        throw source.failure(
          "the storage \(keys.describe(key)) is listed twice or is not that of a tensor that can be read", at: cursor.offset)
      }
      let at = cursor.offset
      guard let count = try? cursor.number(Int64.self) else {
        throw source.failure("the file is truncated before storage '\(key)'", at: at)
      }
      guard count == storage.total else {
        throw source.failure("storage '\(key)' has \(count) elements, but \(storage.total) where tensors use it", at: at)
      }
      let start = source.start + cursor.offset
      guard let data = try? cursor.take(storage.total * storage.dtype.size) else {
        throw source.failure("the file is truncated in storage '\(key)', found \(cursor.left) bytes of it", at: cursor.offset)
      }
      ranges[key] = start..<(start + data.count)
    }
    guard cursor.left == 0 else { throw source.failure("\(cursor.left) bytes follow the last storage", at: cursor.offset) }
    return ranges
  }
}
