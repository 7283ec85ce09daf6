@testable import Archives

/// A zip written by the published layout (APPNOTE 4.3.7, 4.3.12, 4.3.16), whose headers can be made to lie.
struct ZipBytes {
  struct Entry {
    var name: [UInt8], data: [UInt8]
    var method: UInt16 = 0, flags: UInt16 = 0x0800, attributes: UInt32 = 0
    /// What the headers say; `packed` is what lies there.
    var packed: [UInt8], size: Int, compressedSize: Int, checksum: UInt32
    var offset: Int?
    /// What the local header says otherwise.
    var localName: [UInt8]?, localMethod: UInt16?
    var localExtra: [UInt8] = []

    init(_ name: String, _ data: [UInt8]) {
      (self.name, self.data, packed) = (Array(name.utf8), data, data)
      (size, compressedSize) = (data.count, data.count)
      var crc = CRC32()
      data.withUnsafeBytes { crc.update($0) }
      checksum = crc.value
    }

    /// Packed by deflate: what gzip has between a header of 10 bytes and a trailer of 8.
    var deflated: Entry {
      var copy = self
      copy.method = 8
      copy.packed = Array(Gzip.compress(data).dropFirst(10).dropLast(8))
      copy.compressedSize = copy.packed.count
      return copy
    }
  }
  var entries: [Entry]
  var comment: [UInt8] = []

  init(_ entries: [Entry]) { self.entries = entries }
  init(_ files: [(name: String, bytes: [UInt8])]) { entries = files.map { Entry($0.name, $0.bytes) } }

  var bytes: [UInt8] {
    var body: [UInt8] = [], directory: [UInt8] = []
    for entry in entries {
      directory += central(entry, at: entry.offset ?? body.count)
      body += local(entry) + entry.packed
      if entry.flags & 8 != 0 { body += little([0x0807_4B50, entry.checksum, UInt32(entry.packed.count), UInt32(entry.data.count)]) }
    }
    let count = UInt32(entries.count)
    return body + directory + little([0x0605_4B50]) + little([0, 0, count, count], 2)
      + little([UInt32(directory.count), UInt32(body.count)]) + little([UInt32(comment.count)], 2) + comment
  }

  private func local(_ entry: Entry) -> [UInt8] {
    let isLater = entry.flags & 8 != 0, name = entry.localName ?? entry.name
    let sizes = isLater ? [0, 0, 0] : [entry.checksum, UInt32(entry.compressedSize), UInt32(entry.size)]
    return little([0x0403_4B50]) + little([20, UInt32(entry.flags), UInt32(entry.localMethod ?? entry.method), 0, 0x21], 2) + little(sizes)
      + little([UInt32(name.count), UInt32(entry.localExtra.count)], 2) + name + entry.localExtra
  }

  private func central(_ entry: Entry, at offset: Int) -> [UInt8] {
    little([0x0201_4B50]) + little([20, 20, UInt32(entry.flags), UInt32(entry.method), 0, 0x21], 2)
      + little([entry.checksum, UInt32(entry.compressedSize), UInt32(entry.size)]) + little([UInt32(entry.name.count), 0, 0, 0, 0], 2)
      + little([entry.attributes, UInt32(offset)]) + entry.name
  }

  private func little(_ values: [UInt32], _ bytes: Int = 4) -> [UInt8] { littleEndian(values, bytes: bytes) }
}

/// A POSIX ustar archive.
struct TarBytes {
  struct Entry {
    var name: String, data: [UInt8]
    /// "0" a file, "1" a hard link, "2" a symbolic one, "5" a folder, "x" a pax header, "S" a sparse file of GNU.
    var type = "0", link = ""
    /// What the header says, where it is not the truth.
    var size: Int?

    init(_ name: String, _ data: [UInt8]) { (self.name, self.data) = (name, data) }
  }
  var entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }
  init(_ files: [(name: String, bytes: [UInt8])]) { entries = files.map { Entry($0.name, $0.bytes) } }

  var bytes: [UInt8] {
    entries.flatMap { entry in
      header(entry) + entry.data + [UInt8](repeating: 0, count: (512 - entry.data.count % 512) % 512)
    } + [UInt8](repeating: 0, count: 1024)
  }

  private func header(_ entry: Entry) -> [UInt8] {
    func octal(_ value: Int, _ width: Int) -> [UInt8] {
      let digits = String(value, radix: 8)
      return Array((String(repeating: "0", count: width - 1 - digits.count) + digits + "\u{0}").utf8)
    }
    var header = padded(entry.name, 100) + octal(0o644, 8) + octal(0, 8) + octal(0, 8)
    header += octal(entry.size ?? entry.data.count, 12) + octal(0, 12) + Array("        \(entry.type)".utf8) + padded(entry.link, 100)
    header += Array((entry.type == "S" ? "ustar  \u{0}" : "ustar\u{0}00").utf8)
    header += [UInt8](repeating: 0, count: 512 - header.count)
    if entry.type == "S" {
      // One piece, of all the data but a hole of 512 bytes before it.
      header.replaceSubrange(386..<410, with: octal(512, 12) + octal(entry.data.count, 12))
      header.replaceSubrange(483..<495, with: octal(512 + entry.data.count, 12))
    }
    header.replaceSubrange(148..<156, with: octal(header.reduce(0) { $0 + Int($1) }, 7) + [0x20])
    return header
  }

  private func padded(_ text: String, _ count: Int) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(count))
    return bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }

  /// A pax header that gives the next entry another name.
  static func longName(_ name: String) -> Entry {
    var length = " path=\(name)\n".utf8.count
    while "\(length) path=\(name)\n".utf8.count != length { length += 1 }
    var entry = Entry("pax", Array("\(length) path=\(name)\n".utf8))
    entry.type = "x"
    return entry
  }
}
