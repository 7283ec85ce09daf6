/// The arrays in an `.npz`, numpy's zip of `.npy` files.
package struct NPZFile {
  package let path: String
  /// Name and shape of each array, in the archive's order.
  package let arrays: [(name: String, shape: [Int])]
  /// Why the first array that is left out cannot be read, such as for Python objects.
  package let problem: ArrayError?

  /// Whether a path names a zip, by its first bytes.
  package static func isNPZ(_ path: String) throws(ArchiveError) -> Bool {
    try ByteStore.start(of: entryPath(path), upTo: 4) == [0x50, 0x4B, 0x03, 0x04]
  }

  /// - Throws: `ArchiveError` for an archive that cannot be read. Entries that are not readable arrays are left out.
  package init(path: String) throws(ArchiveError) {
    var arrays: [(name: String, shape: [Int])] = [], problem: ArrayError?
    for name in try Self.names(in: path) {
      let start = try ByteStore.start(of: "\(path)/\(name).npy", upTo: NPYHeader.longestStart)
      do { arrays.append((name, try start.withUnsafeBytes { try NPYHeader(parsing: $0, name: "\(path)/\(name)") }.shape)) } catch {
        problem = problem ?? error as? ArrayError
      }
    }
    (self.path, self.arrays, self.problem) = (path, arrays, problem)
  }

  /// The names of all arrays, readable or not, without `.npy`.
  package static func names(in path: String) throws(ArchiveError) -> [String] {
    try ByteStore.names(in: path).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
  }

  /// `samples.npz/arr_0` is the entry `arr_0.npy`; other paths are as they are.
  package static func entryPath(_ path: String) -> String {
    guard let end = path.range(of: ".npz/") else { return path }
    return path.hasSuffix(".npy") || end.upperBound == path.endIndex ? path : path + ".npy"
  }

  /// Writes arrays under their names, whole or not at all.
  /// - Parameter arrays: each the bytes of an `.npy` file.
  /// - Throws: `ArchiveError` when the system refuses to write; an earlier file of that name is kept then.
  package static func write(_ arrays: [(name: String, npy: [UInt8])], to path: String) throws(ArchiveError) {
    try ZipWriter.write(arrays.map { ("\($0.name).npy", $0.npy) }, to: path)
  }
}
