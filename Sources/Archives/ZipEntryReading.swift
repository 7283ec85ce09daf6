internal import CArchive

extension SeekableFile {
  /// The bytes of an entry of a zip, which agree with its checksum.
  /// - Parameter header: from the directory, with sizes and place that were found to be possible.
  func unpacked(_ header: ZipHeader, entry: String) throws(ArchiveError) -> [UInt8] {
    let packed = try packedBytes(of: header, entry: entry)
    guard header.method == 0 else { return try inflated(packed, of: header, entry: entry) }
    var checksum = CRC32()
    packed.withUnsafeBytes { checksum.update($0) }
    guard checksum.value == header.checksum else {
      throw ArchiveError(path, .damaged("what it holds does not agree with its checksum"), entry: entry)
    }
    return Array(packed)
  }

  /// The first bytes of an entry, at most `count`, without looking at its checksum; none where they cannot be read.
  func start(of header: ZipHeader, count: Int) -> [UInt8] {
    guard header.flags & ZipHeader.encrypted == 0, header.method == 0 || header.method == 8 else { return [] }
    // The sizes are not validated yet, and a packed entry that is accepted has less than 4 GiB.
    let limit = UInt64(UInt32.max)
    guard header.method == 0 || header.size < limit && header.compressedSize < limit else { return [] }
    // Deflate gives a few hundred bytes out of these, whatever they are.
    let wanted = Int(min(header.compressedSize, UInt64(header.method == 0 ? count : 1 << 12)))
    guard let offset = try? dataOffset(of: header, entry: header.shortName), offset <= size,
      let packed = try? read(offset..<min(size, offset + wanted))[...]
    else { return [] }
    return header.method == 0 ? Array(packed) : inflatedStart(packed, of: header, count: count)
  }

  /// The first bytes that come out of the first bytes of an entry.
  private func inflatedStart(_ packed: ArraySlice<UInt8>, of header: ZipHeader, count: Int) -> [UInt8] {
    let zip = header.minimal + packed
    let archive = archive_read_new()
    defer { archive_read_free(archive) }
    archive_read_support_format_zip_streamable(archive)
    return zip.withUnsafeBytes { input in
      var found: OpaquePointer?
      guard archive_read_open_memory(archive, input.baseAddress, input.count) == ARCHIVE_OK,
        archive_read_next_header(archive, &found) == ARCHIVE_OK
      else { return [] }
      return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        filled = max(0, archive_read_data(archive, buffer.baseAddress, count))
      }
    }
  }

  /// Local header and data in one go, as long as the former is not unusually long.
  private func packedBytes(of header: ZipHeader, entry: String) throws(ArchiveError) -> ArraySlice<UInt8> {
    let count = Int(header.compressedSize)
    let expected = 30 + header.name.utf8.count + 64
    var bytes = try read(header.offset..<min(size, header.offset + expected + count))
    var start = try localLength(of: header, in: bytes)
    if start == nil {
      bytes = try read(header.offset..<min(size, header.offset + 30 + 2 * 0xFFFF))
      start = try localLength(of: header, in: bytes)
    }
    guard let start else { throw ArchiveError(path, .damaged("it has no header at byte \(header.offset)"), entry: entry) }
    if bytes.count >= start + count { return bytes[start..<(start + count)] }
    guard header.offset + start + count <= size else {
      throw ArchiveError(path, .truncated("expected \(count) bytes from byte \(header.offset + start) on"), entry: entry)
    }
    return try read((header.offset + start)..<(header.offset + start + count))[...]
  }

  /// Where the data of an entry begin, behind its own header.
  func dataOffset(of header: ZipHeader, entry: String) throws(ArchiveError) -> Int {
    let start = min(size, header.offset)
    // Most headers are short; the longest have two fields of 65,535 bytes.
    for most in [30 + header.name.utf8.count + 64, 30 + 2 * 0xFFFF] {
      if let length = try localLength(of: header, in: read(start..<min(size, start + most))) { return header.offset + length }
    }
    throw ArchiveError(path, .damaged("it has no header at byte \(header.offset)"), entry: entry)
  }

  /// Nil where the header is not there, or not whole.
  private func localLength(of header: ZipHeader, in bytes: [UInt8]) throws(ArchiveError) -> Int? {
    var fault: ZipFault?
    let length = bytes.withUnsafeBytes { buffer -> Int? in
      do throws(ZipFault) { return try header.localLength(in: buffer) } catch {
        fault = error
        return nil
      }
    }
    if let fault { throw ArchiveError(path, .damaged("it \(fault.message)"), entry: header.shortName) }
    return length
  }

  /// libarchive inflates, given a zip of this one entry, and checks the result against the size and the checksum.
  private func inflated(_ packed: ArraySlice<UInt8>, of header: ZipHeader, entry: String) throws(ArchiveError) -> [UInt8] {
    let zip = header.minimal + packed
    let size = Int(header.size)
    let archive = archive_read_new()
    defer { archive_read_free(archive) }
    archive_read_support_format_zip_streamable(archive)
    var total = 0, isRight = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      zip.withUnsafeBytes { input in
        var found: OpaquePointer?
        guard archive_read_open_memory(archive, input.baseAddress, input.count) == ARCHIVE_OK,
          archive_read_next_header(archive, &found) == ARCHIVE_OK
        else { return }
        var count = archive_read_data(archive, buffer.baseAddress, size)
        total = max(0, count)
        // The checksum is looked at when the end is reached.
        var beyond: UInt8 = 0
        if count >= 0 { count = archive_read_data(archive, &beyond, 1) }
        isRight = count == 0 && total == size
      }
      filled = total
    }
    guard isRight else {
      throw ArchiveError(path, .damaged("it does not unpack to the \(size) bytes and the checksum that are announced"), entry: entry)
    }
    return bytes
  }
}

extension ZipHeader {
  /// The smallest local header that libarchive accepts: sizes of less than 4 GiB, the name "x".
  fileprivate var minimal: [UInt8] {
    func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    return little(UInt32(0x0403_4B50)) + little(UInt16(20)) + little(UInt16(0)) + little(method) + little(UInt32(0))
      + little(checksum) + little(UInt32(compressedSize)) + little(UInt32(size)) + little(UInt16(1)) + little(UInt16(0)) + [0x78]
  }
}
