internal import CArchive
import Foundation

/// Writes a zip of stored entries, whole or not at all.
public enum ZipWriter {
  /// - Parameter entries: in the file's order; all carry the same date, so that the same entries give the same bytes.
  /// - Throws: `ArchiveError` when the system refuses to write; an earlier file of that name stands then.
  public static func write(_ entries: [(name: String, bytes: [UInt8])], to path: String) throws(ArchiveError) {
    let folder = (path as NSString).deletingLastPathComponent
    let temporary = "\(folder.isEmpty ? "." : folder)/.\((path as NSString).lastPathComponent).\(getpid()).part"
    do throws(ArchiveError) {
      try writeAll(entries, to: temporary, as: path)
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw ArchiveError(path, .unwritable(reason))
    }
  }

  private static func writeAll(_ entries: [(name: String, bytes: [UInt8])], to file: String, as path: String) throws(ArchiveError) {
    let archive = archive_write_new()
    defer { archive_write_free(archive) }
    func check(_ code: Int32) throws(ArchiveError) {
      guard code < ARCHIVE_WARN else { return }
      let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown reason"
      throw ArchiveError(path, .unwritable(reason))
    }
    try check(archive_write_set_format_zip(archive))
    try check(archive_write_set_options(archive, "zip:compression=store"))
    try check(archive_write_open_filename(archive, file))
    for (name, bytes) in entries {
      let entry = archive_entry_new()
      defer { archive_entry_free(entry) }
      archive_entry_set_pathname(entry, name)
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
