import Archives

/// Which arrays are in an `.npz`, numpy's zip of `.npy` files.
struct NPZFile {
  let path: String
  /// Name and shape of each array, in the archive's order.
  let arrays: [(name: String, shape: [Int])]

  /// Whether a path names a zip by its first bytes.
  static func isOne(_ path: String) throws(ArchiveError) -> Bool {
    try ByteStore.start(of: entryPath(path), upTo: 4) == [0x50, 0x4B, 0x03, 0x04]
  }

  /// - Throws: `ArchiveError` when it is no archive that can be read. What is no array that can be taken is passed over.
  init(path: String) throws(ArchiveError) {
    let names = try ByteStore.names(in: path).filter { $0.hasSuffix(".npy") }
    var arrays: [(name: String, shape: [Int])] = []
    for name in names {
      let start = try ByteStore.start(of: "\(path)/\(name)", upTo: NPYHeader.mostBytes)
      guard let header = try? start.withUnsafeBytes({ try NPYHeader(parsing: $0, name: name) }) else { continue }
      arrays.append((String(name.dropLast(4)), header.shape))
    }
    self.path = path
    self.arrays = arrays
  }

  /// `samples.npz/arr_0` is the entry `arr_0.npy`; other paths are as they are.
  static func entryPath(_ path: String) -> String {
    guard let end = path.range(of: ".npz/") else { return path }
    return path.hasSuffix(".npy") || end.upperBound == path.endIndex ? path : path + ".npy"
  }

  /// The path of the array that holds images: `arr_0`, as guided-diffusion writes them, or the only one of 3 or 4 dimensions.
  /// - Throws: `ArrayError` when it is not clear which.
  func images() throws(ArrayError) -> String {
    let candidates = arrays.filter { (3...4).contains($0.shape.count) }
    guard let found = candidates.first(where: { $0.name == "arr_0" }) ?? (candidates.count == 1 ? candidates[0] : nil) else {
      throw ArrayError(path, .whichArray(there: arrays.map { "\($0.name) \($0.shape)" }))
    }
    return "\(path)/\(found.name)"
  }

  /// The path of the array of labels that goes with `count` images: `arr_1` beside `arr_0`, else `labels`, `label` or `y`.
  func labels(of images: String, count: Int) -> String? {
    let names = images == "\(path)/arr_0" ? ["arr_1"] : ["labels", "label", "y"]
    let found = arrays.first { names.contains($0.name) && (1...2).contains($0.shape.count) && $0.shape[0] == count }
    return found.map { "\(path)/\($0.name)" }
  }

  /// The path of the only array, or of `arr_0`.
  func only() throws(ArrayError) -> String {
    guard let found = arrays.first(where: { $0.name == "arr_0" }) ?? (arrays.count == 1 ? arrays[0] : nil) else {
      throw ArrayError(path, .whichArray(there: arrays.map { "\($0.name) \($0.shape)" }))
    }
    return "\(path)/\(found.name)"
  }
}
