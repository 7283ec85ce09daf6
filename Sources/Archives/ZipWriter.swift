internal import CArchive
import Failures
import Foundation

/// Writes a zip of stored entries, whole or not at all; a device is written as it stands.
public enum ZipWriter {
  /// - Parameter entries: in the file's order; all carry the same date, so that the same entries give the same bytes.
  /// - Throws: `ArchiveError` when the system refuses to write; an earlier file of that name stands then.
  public static func write(_ entries: [(name: String, bytes: [UInt8])], to path: String) throws(ArchiveError) {
    _ = ArchiveReader.namesAreUTF8
    let target = WritingTarget(path)
    if let problem = target.problem { throw ArchiveError(path, .unwritable(problem)) }
    guard target == .file else {
      let descriptor = WritingTarget.open(path)
      guard descriptor >= 0 else { throw refused(path) }
      defer { close(descriptor) }
      return try writeAll(entries, to: descriptor, as: path)
    }
    try replace(path, with: entries)
  }

  private static func replace(_ path: String, with entries: [(name: String, bytes: [UInt8])]) throws(ArchiveError) {
    guard let unfinished = UnfinishedOutput(of: path, .file) else { throw refused(path) }
    do throws(ArchiveError) {
      try writeAll(entries, to: unfinished.descriptor, as: path)
      guard fsync(unfinished.descriptor) == 0, unfinished.move(to: path) else { throw refused(path) }
    } catch {
      unfinished.remove()
      throw error
    }
  }

  /// The last error of the system.
  private static func refused(_ path: String) -> ArchiveError { ArchiveError(path, .unwritable(String(cString: strerror(errno)))) }

  private static func writeAll(
    _ entries: [(name: String, bytes: [UInt8])], to descriptor: Int32, as path: String
  ) throws(ArchiveError) {
    let archive = archive_write_new()
    defer { archive_write_free(archive) }
    func check(_ code: Int32) throws(ArchiveError) {
      guard code < ARCHIVE_WARN else { return }
      let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown reason", code = archive_errno(archive)
      let reason = code > 0 ? String(cString: strerror(code)).lowercased() : words
      throw ArchiveError(path, .unwritable(reason))
    }
    try check(archive_write_set_format_zip(archive))
    try check(archive_write_set_options(archive, "zip:compression=store,zip:hdrcharset=UTF-8"))
    try check(archive_write_open_fd(archive, descriptor))
    for (name, bytes) in entries {
      let entry = archive_entry_new()
      defer { archive_entry_free(entry) }
      archive_entry_set_pathname_utf8(entry, name)
      archive_entry_set_size(entry, Int64(bytes.count))
      archive_entry_set_filetype(entry, 0o100000)  // a plain file
      archive_entry_set_perm(entry, 0o644)
      archive_entry_set_mtime(entry, 315_532_800, 0)  // 1980, the first date that zip knows
      try check(archive_write_header(archive, entry))
      let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
      if written != bytes.count { try check(Int32(ARCHIVE_FATAL)) }
    }
    try check(archive_write_close(archive))
  }
}
