import Archives

/// The entries of a zip that are stored as they are, so that they can be mapped: what `torch.save` writes.
///
/// Accepted entries are valid: central and local headers agree, and their bytes lie in the file, one after the
/// other, without overlap. Checksums are not looked at: the data are mapped, not read, and `torch.save` can be set to leave
/// them out.
struct StoredEntries {
  struct Entry {
    let name: String
    /// Where its local header begins.
    let header: Int
    /// Its bytes in the file.
    let range: Range<Int>
  }
  /// The entries, in the order of the file.
  let entries: [Entry]

  static let entryLimit = 1_000_000

  /// - Parameter file: all the file's bytes; beside the directory only the local headers are touched.
  /// - Throws: `CheckpointError` that names the entry.
  init(parsing file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    func fail(_ message: String) -> CheckpointError { CheckpointError(.invalid, path, message) }
    let directory: ZipDirectory
    do throws(ZipFault) { directory = try ZipDirectory(of: file, entryLimit: Self.entryLimit) } catch { throw fail(error.message) }
    guard directory.commentLength == 0 else {
      throw fail("the zip's directory is not its end: something follows it, a comment of \(directory.commentLength) bytes")
    }
    if directory.entries.contains(where: { $0.name.split(separator: "/").dropFirst().first == "code" }) {
      throw fail(
        "is a TorchScript program (torch.jit.save), not a state dict; in Python: torch.save(torch.jit.load(FILE).state_dict(), NEW)")
    }
    var entries: [Entry] = []
    var names: Set<String> = []
    let data = UnsafeRawBufferPointer(rebasing: file[..<directory.range.lowerBound])
    for central in directory.entries {
      func fail(_ message: String) -> CheckpointError { CheckpointError(.invalid, path, "entry '\(central.shortName)' \(message)") }
      if let problem = Self.problem(central) { throw fail(problem) }
      guard names.insert(central.name).inserted else { throw fail("is there twice") }
      guard central.offset <= data.count else {
        throw fail("begins at byte \(central.offset), beyond the \(data.count) bytes of data")
      }
      let length: Int?
      do throws(ZipFault) { length = try central.localLength(in: UnsafeRawBufferPointer(rebasing: data[central.offset...])) } catch {
        throw fail(error.message)
      }
      guard let length else { throw fail("has no header at byte \(central.offset)") }
      let start = central.offset + length
      guard central.size <= UInt64(data.count - start) else {
        throw fail("has \(central.size) bytes from byte \(start) on, found \(data.count - start)")
      }
      entries.append(Entry(name: central.name, header: central.offset, range: start..<(start + Int(central.size))))
    }
    self.entries = entries.sorted { $0.header < $1.header }
    for (first, second) in zip(self.entries, self.entries.dropFirst()) where first.range.upperBound > second.header {
      throw fail("entries '\(ZipHeader.short(first.name))' and '\(ZipHeader.short(second.name))' overlap at byte \(second.header)")
    }
  }

  /// Why an entry is not one of `torch.save`; nil where it is. Names are paths that stay where they are.
  private static func problem(_ entry: ZipHeader) -> String? {
    guard entry.nameIsText, !entry.name.utf8.contains(0x5C) else { return "has no proper name" }
    let parts = entry.name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) { return "has a name that points elsewhere" }
    if entry.flags & 1 != 0 { return "is encrypted" }
    if entry.method != 0 || entry.size != entry.compressedSize {
      return "is compressed (method \(entry.method)); torch.save stores its entries as they are"
    }
    let unknown = entry.flags & ~(ZipHeader.describedAfterwards | ZipHeader.nameIsUTF8)
    return unknown == 0 ? nil : "has the flags 0x\(String(entry.flags, radix: 16)), which torch.save does not set"
  }
}
