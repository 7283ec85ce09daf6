internal import CArchive
import Failures
import Foundation

/// The entries of a zip or tar archive, in its order; a tar may be compressed by gzip, and is then verified to its end.
///
///     let archive = try ArchiveReader(path: "images.zip")
///     while let entry = try archive.next() where entry.isFile { use(entry.name, try entry.read(limit: 1 << 24)) }
public final class ArchiveReader {
  /// One entry, to be read before the next is asked for.
  public struct Entry {
    public let name: String
    /// The announced length, if any. Not to be trusted before the bytes are read.
    public let size: Int?
    /// False for folders and links.
    public let isFile: Bool
    /// Whether it is a link, symbolic or hard.
    public let isLink: Bool
    /// Where the entry's bytes begin in the file, if they lie there as they are, in one piece: in an uncompressed tar.
    let offset: Int?
    fileprivate let reader: ArchiveReader
    fileprivate let index: Int

    /// The whole entry.
    /// - Parameter limit: the most bytes to accept.
    /// - Throws: `ArchiveError` when the entry is longer, truncated or damaged (zip: its checksum), or no longer the current one.
    public func read(limit: Int) throws(ArchiveError) -> [UInt8] { try reader.read(self, limit: limit) }

    /// Its next bytes, as many as `count` unless fewer are left; none at the verified end.
    func read(upTo count: Int) throws(ArchiveError) -> [UInt8] { try reader.read(self, upTo: count) }
  }

  public let path: String
  private let archive: OpaquePointer
  private let source: Source?
  /// Whether the archive is compressed by gzip.
  var isCompressed: Bool { source != nil }
  private var index = 0
  /// Bytes read of the current entry.
  private var taken = 0

  /// - Throws: `ArchiveError` when the file is missing, unreadable, or neither zip nor tar.
  public init(path: String) throws(ArchiveError) {
    _ = Self.namesAreUTF8
    let file = try ByteReader(path: path)
    self.path = path
    archive = archive_read_new()
    archive_read_support_format_zip(archive)
    archive_read_support_format_tar(archive)
    source = file.isCompressed ? Source(file) : nil
    guard (source?.open(archive) ?? archive_read_open_filename(archive, path, 1 << 16)) == ARCHIVE_OK else {
      throw failure(entry: nil)
    }
  }

  deinit { archive_read_free(archive) }

  /// The next entry, or nil after the last.
  /// - Throws: `ArchiveError` when the archive is truncated or damaged.
  public func next() throws(ArchiveError) -> Entry? {
    index += 1
    taken = 0
    var header: OpaquePointer?
    switch archive_read_next_header(archive, &header) {
    case ARCHIVE_OK: break
    case ARCHIVE_EOF:
      try source?.drain()
      return nil
    default: throw failure(entry: nil)
    }
    guard let name = archive_entry_pathname(header) else { throw ArchiveError(path, .damaged("an entry's name is not UTF-8")) }
    let isLink = archive_entry_filetype(header) == 0o120000 || archive_entry_hardlink(header) != nil
    return Entry(
      name: String(cString: name), size: archive_entry_size_is_set(header) != 0 ? Int(archive_entry_size(header)) : nil,
      isFile: archive_entry_filetype(header) == 0o100000 && !isLink, isLink: isLink, offset: offset(of: header), reader: self,
      index: index)
  }

  /// Once a header of a tar is read, the next byte is the first of the data; those of a sparse file lie in pieces.
  private func offset(of header: OpaquePointer?) -> Int? {
    guard source == nil, archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_TAR,
      archive_entry_sparse_count(header) == 0
    else { return nil }
    return Int(archive_filter_bytes(archive, 0))
  }

  private func read(_ entry: Entry, limit: Int) throws(ArchiveError) -> [UInt8] {
    guard (entry.size ?? 0) <= limit else { throw ArchiveError(path, .overLimit(limit), entry: entry.name) }
    var bytes: [UInt8] = []
    while true {
      let piece = try read(entry, upTo: 1 << 16)
      if piece.isEmpty { return bytes }
      guard bytes.count + piece.count <= limit else { throw ArchiveError(path, .overLimit(limit), entry: entry.name) }
      bytes += piece
    }
  }

  private func read(_ entry: Entry, upTo wanted: Int) throws(ArchiveError) -> [UInt8] {
    guard entry.index == index else { throw ArchiveError(path, .entryPassed, entry: entry.name) }
    var status = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
      while filled < wanted {
        status = archive_read_data(archive, buffer.baseAddress! + filled, wanted - filled)
        if status <= 0 { return }
        filled += status
      }
    }
    guard status >= 0 else { throw failure(entry: entry.name) }
    taken += bytes.count
    if bytes.count < wanted, let size = entry.size, taken != size {
      throw ArchiveError(path, .truncated("expected \(size) bytes, found \(taken)"), entry: entry.name)
    }
    return bytes
  }

  private func failure(entry: String?) -> ArchiveError {
    if let error = source?.error { return error }
    let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown format"
    if reason == "Unrecognized archive format" {
      return ArchiveError(path, .unsupported(foreign ?? "is neither a zip nor a tar, plain or compressed by gzip"))
    }
    return ArchiveError(path, .damaged(reason), entry: entry)
  }

  /// What the file is instead of an archive, where that is known.
  private var foreign: String? {
    guard let start = try? ByteReader(path: path).read(upTo: ForeignFormat.startLength), let format = ForeignFormat(start) else {
      return nil
    }
    return format.problem(expected: "a zip or a tar, plain or compressed by gzip")
  }

  /// libarchive reads and writes no name of an entry that the locale cannot write.
  static let namesAreUTF8: Bool = setlocale(LC_CTYPE, "C.UTF-8") != nil || setlocale(LC_CTYPE, "en_US.UTF-8") != nil
}

/// Feeds libarchive with the verified bytes of a gzip file.
private final class Source {
  private let file: ByteReader
  private(set) var error: ArchiveError?

  init(_ file: ByteReader) { self.file = file }

  func open(_ archive: OpaquePointer) -> Int32 {
    archive_read_open(
      archive, Unmanaged.passUnretained(self).toOpaque(), nil,
      { _, client, start in
        let source = Unmanaged<Source>.fromOpaque(client!).takeUnretainedValue()
        do throws(ArchiveError) {
          let block = try source.file.nextBlock()
          start?.pointee = block?.baseAddress
          return block?.count ?? 0
        } catch {
          source.error = error
          return la_ssize_t(ARCHIVE_FATAL)
        }
      }, nil)
  }

  /// Reads on to the end, where the checksum is. After its last entry a tar holds padding only.
  func drain() throws(ArchiveError) {
    let start = file.offset
    while try file.nextBlock() != nil {
      guard file.offset - start < 1 << 24 else { throw ArchiveError(file.path, .trailingBytes(file.offset - start)) }
    }
  }
}
