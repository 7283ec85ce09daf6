internal import CArchive

/// Writes the gzip form of bytes in memory, without name or time in the header, so that equal bytes give equal files.
public enum Gzip {
  /// - Parameter level: 1 is fastest, 9 smallest.
  public static func compress(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
    // Incompressible data grow by 5 bytes in every 16 KiB, and by header and trailer.
    var buffer = [UInt8](repeating: 0, count: bytes.count + bytes.count / 1024 + 4096)
    var used = 0
    let archive = archive_write_new()
    defer { archive_write_free(archive) }
    archive_write_set_format_raw(archive)
    archive_write_add_filter_gzip(archive)
    archive_write_set_options(archive, "gzip:compression-level=\(level),gzip:!timestamp")
    archive_write_set_bytes_per_block(archive, 0)
    archive_write_set_bytes_in_last_block(archive, 1)
    let entry = archive_entry_new()
    defer { archive_entry_free(entry) }
    archive_entry_set_filetype(entry, UInt32(0o100000))
    let status = buffer.withUnsafeMutableBytes { room -> Int32 in
      archive_write_open_memory(archive, room.baseAddress, room.count, &used)
      archive_write_header(archive, entry)
      archive_write_data(archive, bytes, bytes.count)
      return archive_write_close(archive)
    }
    precondition(status == ARCHIVE_OK, "libarchive cannot compress \(bytes.count) bytes in memory")
    return Array(buffer[..<used])
  }
}
