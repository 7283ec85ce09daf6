import Testing

@testable import Checkpoints

@Suite("The safetensors header") struct SafetensorsHeaderTests {
  /// A file with this JSON and so many bytes of data.
  func file(_ json: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(json.utf8.count)).littleEndian) { Array($0) } + Array(json.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    try bytes.withUnsafeBytes { try SafetensorsHeader(parsing: $0, name: "m.safetensors") }
  }

  /// The message of the error that parsing gives; empty when it gives none.
  func complaint(_ bytes: [UInt8]) -> String {
    do { _ = try parse(bytes) } catch { return "\(error)" }
    return ""
  }

  /// The error about one tensor `a` described by these members.
  func complaint(members: String, data: Int = 24) -> String { complaint(file("{\"a\":{\(members)}}", data: data)) }

  @Test func aHeaderOfEveryElementTypeIsRead() throws {
    let types = SafetensorsHeader.ElementType.allCases
    #expect(types.map { $0.rawValue } == ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"])
    #expect(types.map { $0.size } == [8, 4, 2, 2, 8, 4, 2, 1, 1, 1])
    let written = try SafetensorsHeader(metadata: [:], tensors: types.map { ($0.rawValue, $0, [3, 2]) })
    #expect(written.dataCount == 6 * 33)
    #expect(try parse(written.encode() + [UInt8](repeating: 0, count: 6 * 33)) == written)
  }

  @Test func jsonOfOtherWritersIsRead() throws {
    let json = """
      { "b" : {"shape":[], "data_offsets":[24,28], "dtype":"I32"} ,\n\t"a\\u00e9\\ud83e\\udd8a\\/":
      {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, "none":{"dtype":"U8","shape":[0,7],"data_offsets":[24,24]},
      "__metadata__":{"format":"pt"}}\u{20}\u{20}
      """
    let header = try parse(file(json, data: 28))
    #expect(header.metadata == ["format": "pt"])
    #expect(header.entries.map { $0.name } == ["b", "aé🦊/", "none"])
    #expect(header.entries.map { $0.shape } == [[], [2, 3], [0, 7]])
    #expect(header.entries.map { $0.range } == [24..<28, 0..<24, 24..<24])
    #expect(header.dataStart == 8 + json.utf8.count)
    #expect(try parse(file("{}", data: 0)).entries.isEmpty)
  }

  @Test func aWrittenFileIsDeterministicAlignedAndReadBack() throws {
    let metadata = ["z": "last \"quoted\" \\ \n\u{1} é", "a": "first"]
    let header = try SafetensorsHeader(metadata: metadata, tensors: [("second", .float32, [2]), ("first", .uint8, [3])])
    let bytes = header.encode()
    #expect(bytes.count == header.dataStart && bytes.count % 8 == 0)
    let json = String(decoding: bytes[8...], as: UTF8.self)
    let expected = """
      {"__metadata__":{"a":"first","z":"last \\"quoted\\" \\\\ \\n\\u0001 é"},\
      "second":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"first":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}
      """
    #expect(
      json.hasPrefix(expected) && json.dropFirst(expected.count).allSatisfy { $0 == " " } && json.utf8.count - expected.utf8.count < 8)
    #expect(try parse(bytes + [UInt8](repeating: 0, count: 11)) == header)
  }

  @Test func aFileThatCannotBeWrittenIsRefused() {
    for tensors: [(name: String, type: SafetensorsHeader.ElementType, shape: [Int])] in [
      [("a", .int8, [1]), ("a", .int8, [1])], [("__metadata__", .int8, [1])], [("a", .int8, [-1])], [("a", .float64, [1 << 61])],
      [("a", .int8, [Int.max]), ("b", .int8, [1])],
    ] { #expect(throws: SafetensorsError.self) { try SafetensorsHeader(metadata: [:], tensors: tensors) } }
  }

  @Test func aFalseLengthIsRefused() {
    #expect(complaint([1, 2, 3]) == "m.safetensors: 3 bytes are not a safetensors file; expected 8 bytes with the header's length first")
    #expect(
      complaint(file("{}", data: 0, length: 2 << 30))
        == "m.safetensors: a header of 2147483648 bytes is announced; expected 100000000 at most")
    #expect(complaint(file("{}", data: 0, length: .max)).contains("a header of 18446744073709551615 bytes is announced"))
    #expect(complaint(file("{}", data: 4, length: 7)).contains("a header of 7 bytes is announced, found 6 bytes after its length"))
    #expect(complaint(file("{}", data: 4, length: 3)).contains("expected the end of the header at byte 2, found byte 0x0"))
    #expect(complaint(file("{}", data: 0, length: 0)) == "m.safetensors: the header ends where '{' should stand")
  }

  @Test func rangesThatDoNotTileTheDataAreRefused() {
    func two(_ first: String, _ second: String, data: Int) -> String {
      complaint(
        file(
          "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":\(first)},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":\(second)}}",
          data: data))
    }
    #expect(two("[0,4]", "[4,8]", data: 8).isEmpty && two("[4,8]", "[0,4]", data: 8).isEmpty)
    #expect(
      two("[0,4]", "[3,7]", data: 8) == "m.safetensors: tensor 'b': begins at byte 3 of the data and overlaps 'a'; expected byte 4")
    #expect(two("[0,4]", "[0,4]", data: 4).contains("tensor 'b': begins at byte 0 of the data and overlaps 'a'; expected byte 4"))
    #expect(two("[0,4]", "[5,9]", data: 9).contains("tensor 'b': begins at byte 5 of the data and leaves 1 bytes unused after 'a'"))
    #expect(two("[4,8]", "[8,12]", data: 12).contains("tensor 'a': begins at byte 4 of the data and leaves 4 bytes unused"))
    #expect(
      two("[0,4]", "[4,8]", data: 7)
        == "m.safetensors: tensor 'b': ends at byte 8 of the data, found 7 bytes; the file is truncated")
    #expect(
      two("[0,4]", "[4,8]", data: 10)
        == "m.safetensors: 2 bytes follow the last tensor; expected 8 bytes of data, found 10")
    #expect(complaint(file("{}", data: 1)).contains("1 bytes follow"))
  }

  @Test(arguments: [
    ("\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,12]", "data_offsets [0, 12] hold 12 bytes; expected 24 for F32 [2, 3]"),
    (
      "\"dtype\":\"F8_E4M3\",\"shape\":[24],\"data_offsets\":[0,24]",
      "dtype 'F8_E4M3' is not supported; expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL: save the tensor in one of these"
    ),
    (
      "\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,0]",
      "data_offsets [24, 0] are not a range; expected [begin, end] with begin <= end"
    ),
    ("\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0]", "data_offsets [0] are not a range; expected [begin, end] with begin <= end"),
    (
      "\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24,24]",
      "data_offsets [0, 24, 24] are not a range; expected [begin, end] with begin <= end"
    ),
    ("\"dtype\":\"F32\",\"shape\":[2,3]", "data_offsets missing"),
    ("", "dtype and shape and data_offsets missing"),
    (
      "\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,24]",
      "shape [4611686018427387904, 4] has more F32 elements than can be counted"
    ),
    (
      "\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24],\"extra\":1",
      "key 'extra' is unknown; expected dtype, shape and data_offsets"
    ),
    ("\"dtype\":\"F32\",\"dtype\":\"F32\"", "key 'dtype' is given twice in the header"),
  ])
  func aTensorThatContradictsItselfIsNamed(members: String, message: String) {
    #expect(complaint(members: members) == "m.safetensors: tensor 'a': \(message)")
  }

  @Test(arguments: [
    "-1", "1e400", "2.0", "9223372036854775808", "18446744073709551616", "007", "0x10", "1e1",
    "99999999999999999999999999999999999999999999",
  ])
  func aNumberThatIsNotACountIsRefused(number: String) {
    for members in ["\"shape\":[\(number)]", "\"data_offsets\":[0,\(number)]"] {
      let found = complaint(members: members)
      #expect(found.hasPrefix("m.safetensors: tensor 'a': expected a whole number from 0 to 9223372036854775807, found '"), "\(found)")
    }
  }

  @Test(arguments: [
    "", "[]", "null", "{", "{\"a\"", "{\"a\":", "{\"a\":{}", "{\"a\":1}", "{\"a\":[]}", "{\"a\" {}}", "{\"__metadata__\":{\"a\":1}}",
    "{\"__metadata__\":[]}", "{\"__metadata__\":{},}", "{} x", "{\"\\x\":{}}", "{\"\\u12g4\":{}}", "{\"\\ud800\":{}}", "{\"\\udc00\":{}}",
    "{\"\\ud800\\u0041\":{}}", "{\"a\nb\":{}}", "{'a':{}}", "\u{FEFF}{}", "{\"a\":{\"shape\":[,]}}", "{\"a\":{\"shape\":[1,]}}",
    "{\"a\":{\"shape\":[true]}}", "{\"a\":{\"shape\":[1 2]}}",
  ])
  func otherJSONThanTheFormatsIsRefused(json: String) { #expect(!complaint(file(json, data: 0)).isEmpty) }

  @Test func keysGivenTwiceAndBrokenTextAreRefused() {
    let a = "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"
    #expect(complaint(file("{\"a\":\(a),\"a\":\(a)}", data: 4)) == "m.safetensors: key 'a' is given twice in the header")
    #expect(complaint(file("{\"a\":\(a),\"\\u0061\":\(a)}", data: 4)).contains("key 'a' is given twice"))
    #expect(complaint(file("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", data: 0)).contains("key 'k' is given twice"))
    #expect(complaint(file("{\"__metadata__\":{},\"__metadata__\":{}}", data: 0)).contains("key '__metadata__' is given twice"))
    #expect(complaint([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF]).contains("the header ends"))
    #expect(complaint([4, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22]).contains("not UTF-8"))
  }

  @Test func deepNestingEndsInAnErrorAndNotInACrash() {
    for open in ["[", "{\"a\":"] { #expect(!complaint(file(String(repeating: open, count: 100_000), data: 0)).isEmpty) }
  }

  @Test func everyFlippedByteAndEveryCutGivesAnErrorOrAHeaderThatHolds() throws {
    let whole =
      try SafetensorsHeader(metadata: ["k": "v\n"], tensors: [("ä", .float32, [2, 1]), ("b", .bool, [5])]).encode()
      + [UInt8](repeating: 0, count: 13)
    for count in 0..<whole.count { #expect(throws: SafetensorsError.self, "\(count)") { try parse(Array(whole[..<count])) } }
    for index in whole.indices {
      for mask: UInt8 in [0x01, 0x04, 0x20, 0x80, 0xFF] {
        var flipped = whole
        flipped[index] ^= mask
        guard let header = try? parse(flipped) else { continue }
        #expect(header.dataStart + header.dataCount == whole.count)
      }
    }
  }
}
