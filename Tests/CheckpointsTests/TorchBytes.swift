/// Files of `torch.save` byte by byte, and zips that lie.
enum TorchBytes {
  typealias Storages = [(key: String, bytes: [UInt8])]

  static func zip(_ pickle: [UInt8], _ storages: Storages) -> ZipBytes {
    ZipBytes(
      entries: [ZipBytes.Entry("model/data.pkl", pickle), ZipBytes.Entry("model/byteorder", Array("little".utf8))]
        + storages.map { ZipBytes.Entry("model/data/\($0.key)", $0.bytes) })
  }

  /// - Parameters: counts: what stands before each storage; elementSize: of the elements that are counted, if not given.
  static func legacy(
    _ pickle: [UInt8], _ storages: Storages, counts: [Int]? = nil, elementSize: Int = 4, version: Int = 1001, littleEndian: Bool = true
  ) -> [UInt8] {
    let magic = PickleBytes.program([0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19])
    let facts = PickleBytes.dictionary([("little_endian", littleEndian ? PickleBytes.yes : PickleBytes.no)])
    let keys = PickleBytes.program(PickleBytes.list(storages.map { PickleBytes.text($0.key) }))
    let data = storages.indices.flatMap { index in
      PickleBytes.little(Int64(counts?[index] ?? storages[index].bytes.count / elementSize)) + storages[index].bytes
    }
    return magic + PickleBytes.program(PickleBytes.integer(version)) + PickleBytes.program(facts) + pickle + keys + data
  }

  static func floats(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
}

/// A zip of stored entries whose data begin at multiples of 64, as PyTorch writes it.
struct ZipBytes {
  struct Entry {
    var name: String, data: [UInt8]
    var method: UInt16 = 0, flags: UInt16 = 0x808
    /// What the local header says, where it is not the same.
    var localName: String?, localMethod: UInt16?, localFlags: UInt16?, localSize: UInt32 = 0, localChecksum: UInt32 = 0
    /// What the directory says, where it is not the truth.
    var size: Int?, compressedSize: Int?, offset: Int?
    /// Sizes and offset stand in the zip64 field.
    var isWide = false

    init(_ name: String, _ data: [UInt8]) { (self.name, self.data) = (name, data) }
  }
  var entries: [Entry]
  /// The end as zip64 has it.
  var isLong = false
  /// What is announced at the end, where it is not the truth.
  var count: Int?, directorySize: Int?, directoryStart: Int?
  var comment: [UInt8] = []

  var bytes: [UInt8] {
    var file: [UInt8] = [], offsets: [Int] = []
    for entry in entries {
      offsets.append(file.count)
      file += local(entry, at: file.count) + entry.data
      if entry.flags & 8 != 0 { file += le(0x0807_4B50, 4) + le(0, 4) + le(entry.data.count, 4) + le(entry.data.count, 4) }
    }
    let start = file.count
    for (entry, offset) in zip(entries, offsets) { file += central(entry, offset: entry.offset ?? offset) }
    let size = directorySize ?? file.count - start, begin = directoryStart ?? start, number = count ?? entries.count
    guard isLong else { return file + end(number, size, begin) }
    let record = file.count
    file += le(0x0606_4B50, 4) + le(44, 8) + le(0x3_002D, 4) + le(0, 8) + le(number, 8) + le(number, 8) + le(size, 8) + le(begin, 8)
    return file + le(0x0706_4B50, 4) + le(0, 4) + le(record, 8) + le(1, 4) + end(0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF)
  }

  private func local(_ entry: Entry, at offset: Int) -> [UInt8] {
    let name = Array((entry.localName ?? entry.name).utf8)
    let padding = 63 - (offset + 30 + name.count + 4 + 63) % 64
    var header = le(0x0403_4B50, 4) + le(0, 2) + le(Int(entry.localFlags ?? entry.flags), 2) + le(Int(entry.localMethod ?? entry.method), 2)
    header += le(0, 4) + le(Int(entry.localChecksum), 4) + le(Int(entry.localSize), 4) + le(Int(entry.localSize), 4)
    return header + le(name.count, 2) + le(4 + padding, 2) + name + [0x46, 0x42] + le(padding, 2) + [UInt8](repeating: 0x5A, count: padding)
  }

  private func central(_ entry: Entry, offset: Int) -> [UInt8] {
    let size = entry.size ?? entry.data.count, compressed = entry.compressedSize ?? size, name = Array(entry.name.utf8)
    let wide = entry.isWide ? le(1, 2) + le(24, 2) + le(size, 8) + le(compressed, 8) + le(offset, 8) : []
    var header = le(0x0201_4B50, 4) + le(0, 4) + le(Int(entry.flags), 2) + le(Int(entry.method), 2) + le(0, 8)
    header += entry.isWide ? le(0xFFFF_FFFF, 4) + le(0xFFFF_FFFF, 4) : le(compressed, 4) + le(size, 4)
    header += le(name.count, 2) + le(wide.count, 2) + le(0, 2) + le(0, 2) + le(0, 6) + le(entry.isWide ? 0xFFFF_FFFF : offset, 4)
    return header + name + wide
  }

  private func end(_ number: Int, _ size: Int, _ begin: Int) -> [UInt8] {
    le(0x0605_4B50, 4) + le(0, 4) + le(number, 2) + le(number, 2) + le(size, 4) + le(begin, 4) + le(comment.count, 2) + comment
  }

  private func le(_ value: Int, _ count: Int) -> [UInt8] { Array(PickleBytes.little(value).prefix(count)) }
}
