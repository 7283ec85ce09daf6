import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite("Hostile zips and legacy files") struct HostileContainerTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func complaint(_ bytes: [UInt8]) throws -> String {
    let path = try folder.file("model.pt", bytes)
    do { _ = try PyTorchFile.read(path) } catch {
      let text = "\(error)"
      #expect(text.hasPrefix("\(path): "))
      return String(text.dropFirst(path.count + 2))
    }
    return ""
  }

  private static let pickle = PickleBytes.program(PickleBytes.dictionary([("w", PickleBytes.vector("0", count: 2))]))
  private static let storages: TorchBytes.Storages = [("0", TorchBytes.floats([1, 2]))]

  // MARK: Zip

  /// A good file of three entries, changed.
  private func zip(_ change: (inout ZipBytes) -> Void = { _ in }) -> [UInt8] {
    var zip = TorchBytes.zip(Self.pickle, Self.storages)
    change(&zip)
    return zip.bytes
  }

  @Test func zipsOfEveryFormThatTorchWritesAreRead() throws {
    for bytes in [
      zip(), zip { $0.isLong = true }, zip { $0.entries[2].isWide = true }, zip { $0.entries[2].flags = 0 },
      zip { $0.entries[2].flags = 0x800 }, zip { $0.entries[2].localSize = 8 }, zip { $0.entries.swapAt(0, 2) },
    ] where bytes.count > 0 {
      // Without the flag that sizes follow, the local header has them.
      let complaint = try complaint(bytes)
      #expect(complaint.isEmpty || complaint.contains("another size"), "\(complaint)")
    }
    #expect(try complaint(zip { ($0.entries[2].flags, $0.entries[2].localSize) = (0x800, 8) }).isEmpty)
  }

  @Test func anEntryThatIsNotStoredAsItIsIsRefusedByName() throws {
    let at = "entry 'model/data/0' "
    #expect(
      try complaint(zip { ($0.entries[2].method, $0.entries[2].localMethod) = (8, 8) })
        == at + "is compressed (method 8); torch.save stores its entries as they are")
    #expect(try complaint(zip { $0.entries[2].compressedSize = 4 }).hasPrefix(at + "is compressed"))
    #expect(try complaint(zip { $0.entries[2].flags = 0x809 }) == at + "is encrypted")
    #expect(try complaint(zip { $0.entries[2].flags = 0x828 }).hasPrefix(at + "has the flags 0x828"))
  }

  @Test func anEntryThatIsThereTwiceIsRefused() throws {
    #expect(try complaint(zip { $0.entries.append($0.entries[2]) }) == "entry 'model/data/0' is there twice")
    #expect(
      try complaint(zip { $0.entries.append(ZipBytes.Entry("other/data.pkl", Self.pickle)) })
        == "the zip holds 2 entries 'NAME/data.pkl'; expected one, as torch.save writes")
  }

  @Test(arguments: ["/model/data/1", "model/../../etc/passwd", "../x", "model//x", "model/./x", "", "model/", "C:\\x", "a b\\..\\c"])
  func aNameThatPointsElsewhereIsRefused(name: String) throws {
    #expect(try complaint(zip { $0.entries.append(ZipBytes.Entry("model/\0\(name)", [1])) }).contains("has no proper name"))
    let complaint = try complaint(zip { $0.entries.append(ZipBytes.Entry(name, [1])) })
    #expect(complaint.contains("has a name that points elsewhere") || complaint.contains("has no proper name"), "\(complaint)")
  }

  @Test func aLocalHeaderThatSaysSomethingElseIsRefused() throws {
    for (what, bytes) in [
      ("name", zip { $0.entries[2].localName = "model/data/1" }), ("compression", zip { $0.entries[2].localMethod = 8 }),
      ("flags", zip { $0.entries[2].localFlags = 0x800 }), ("size", zip { $0.entries[2].localSize = 4 }),
      (
        "size",
        zip {
          $0.entries[2].size = 4; $0.entries[2].localSize = 8
        }
      ), ("checksum", zip { $0.entries[2].localChecksum = 7 }),
    ] {
      let complaint = try complaint(bytes)
      #expect(complaint.hasPrefix("entry 'model/data/0' has another \(what) in its header at byte "), "\(complaint)")
    }
  }

  @Test func entriesThatOverlapOrReachOutsideAreRefused() throws {
    #expect(try complaint(zip { $0.entries[2].offset = 0 }).contains("has another name in its header at byte 0"))
    #expect(try complaint(zip { $0.entries[2].offset = 3 }) == "entry 'model/data/0' has no header at byte 3")
    #expect(try complaint(zip { $0.entries[2].offset = 1 << 30 }).contains("begins at byte 1073741824, beyond the"))
    #expect(try complaint(zip { ($0.entries[2].isWide, $0.entries[2].offset) = (true, Int.max) }).contains("beyond the"))
    #expect(try complaint(zip { $0.entries[2].size = 1 << 30 }).contains("has 1073741824 bytes from byte "))
    #expect(try complaint(zip { ($0.entries[2].isWide, $0.entries[2].size) = (true, -1) }).contains("bytes from byte "))
    #expect(
      try complaint(zip { $0.entries[0].size = $0.entries[0].data.count + 200 }).hasPrefix(
        "entries 'model/data.pkl' and 'model/byteorder' overlap at byte "))
    // The header of another entry among the data of one.
    let inner = zip(),
      hidden = zip { zip in
        zip.entries[1].data = Array(inner[(inner.count - 500)...])
        zip.entries[1].size = zip.entries[1].data.count
      }
    #expect(try !complaint(hidden).isEmpty)
  }

  @Test func aFalseEndIsRefused() throws {
    for isLong in [false, true] {
      #expect(try complaint(zip { ($0.isLong, $0.count) = (isLong, 2) }).contains("bytes follow the zip directory's 2 entries"))
      let long = ZipBytes.Entry("model/" + String(repeating: "x", count: 50), [1])
      let missing = try complaint(
        zip { zip in
          zip.entries.append(long)
          (zip.isLong, zip.count) = (isLong, 5)
        })
      #expect(missing.contains("the zip directory is damaged here"))
      #expect(try complaint(zip { ($0.isLong, $0.count) = (isLong, 60000) }).contains("has no room for 60000 entries"))
      #expect(try complaint(zip { ($0.isLong, $0.directorySize) = (isLong, 5000) }).contains("a zip directory of 5000 bytes at byte"))
      #expect(try complaint(zip { ($0.isLong, $0.directoryStart) = (isLong, 5) }).contains("at byte 5 is announced"))
    }
    #expect(try complaint(zip { ($0.isLong, $0.count) = (true, Int.max) }).contains("has no room for"))
    #expect(try complaint(zip { ($0.isLong, $0.directorySize) = (true, -1) }).contains("is announced"))
    #expect(try complaint(zip { $0.comment = [1, 2] }).contains("something follows it"))
    #expect(
      try complaint([0x50, 0x4B, 3, 4] + zip().dropFirst(4).dropLast(22) + [UInt8](repeating: 0, count: 22)).contains(
        "has no directory at its end"))
    #expect(try complaint(Array(zip().prefix(4)) + zip()).contains("is announced"))
  }

  @Test func aBigEndianFileAndBytesAfterThePickleAreRefused() throws {
    #expect(
      try complaint(zip { $0.entries[1].data = Array("big".utf8) })
        == "entry 'model/byteorder' says that a big-endian machine wrote the file")
    #expect(try complaint(zip { $0.entries[0].data += [0x2E] }).contains("1 bytes follow the pickle"))
    #expect(try complaint(zip { $0.entries[0].data.removeLast() }).contains("the pickle is truncated"))
    #expect(try complaint(zip { $0.entries[2].data += [1] }) == "entry 'model/data/0' has 9 bytes; expected 8 for 2 of float32")
  }

  // MARK: Legacy

  private func legacy(_ storages: TorchBytes.Storages = storages, counts: [Int]? = nil, version: Int = 1001, littleEndian: Bool = true)
    -> [UInt8]
  {
    TorchBytes.legacy(Self.pickle, storages, counts: counts, version: version, littleEndian: littleEndian)
  }

  @Test func falseCountsOfALegacyFileAreRefused() throws {
    #expect(try complaint(legacy()).isEmpty)
    for count in [-1, 0, 1, 3, Int.max, Int.min] {
      #expect(try complaint(legacy(counts: [count])).contains("storage '0' has \(count) elements, but 2 where tensors use it"))
    }
    let short: TorchBytes.Storages = [("0", TorchBytes.floats([1]))]
    #expect(try complaint(legacy(short, counts: [2])).contains("the file is truncated in storage '0', found 4 bytes of it"))
    #expect(try complaint(legacy() + [0, 0]).contains("2 bytes follow the last storage"))
    #expect(try complaint(legacy([])).contains("storage '0' is missing; expected 8 bytes"))
    #expect(try complaint(legacy(Self.storages + Self.storages)).contains("the storage '0' is listed twice"))
    #expect(try complaint(legacy(Self.storages + [("1", [])])).contains("the storage '1' is listed twice or is not that of a tensor"))
  }

  @Test func aLegacyFileOfAnotherVersionOrMachineIsRefused() throws {
    #expect(try complaint(legacy(version: 1000)).contains("the format's version is 1000; expected 1001"))
    #expect(try complaint(legacy(littleEndian: false)).contains("big-endian"))
    let wrong = legacy().dropFirst(15)
    #expect(try complaint(Array(wrong)).contains("is a pickle, but not one of torch.save"))
  }
}
