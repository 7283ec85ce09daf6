import Testing

@testable import Archives

@Suite("Headers of numpy arrays") struct NPYHeaderTests {
  private func parse(_ bytes: [UInt8]) throws -> NPYHeader { try bytes.withUnsafeBytes { try NPYHeader(parsing: $0, name: "x.npy") } }

  private func problem(_ text: String) -> ArrayError.Problem? {
    #expect(throws: ArrayError.self) { try parse(npy(text)) }?.problem
  }

  @Test func aHeaderOfNumpySaysTypeShapeAndPlace() throws {
    let bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n")
    let header = try parse(bytes + [0, 0])
    #expect(header.kind == .float && header.elementSize == 4 && !header.isBigEndian && !header.isColumnMajor)
    #expect(header.shape == [2, 3] && header.byteCount == 24 && header.dataOffset == bytes.count)
    #expect(header.code == "<f4" && header.shapeText == "(2, 3)")
  }

  @Test func keysStandInAnyOrderAndQuotesAreOfEitherKind() throws {
    let header = try parse(npy("{\"shape\": (5,), \"fortran_order\": True, \"descr\": \">u2\"}"))
    #expect(header.shape == [5] && header.isColumnMajor && header.isBigEndian && header.code == ">u2")
    #expect(try parse(npy("{'descr':'|b1','fortran_order':False,'shape':()}")).shape == [])
    #expect(try parse(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (7L, 2L), }")).shape == [7, 2])
  }

  @Test func theLaterVersionsHaveALongerLength() throws {
    for version: UInt8 in [2, 3] {
      #expect(try parse(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", version: version)).shape == [2])
    }
    #expect(throws: ArrayError.self) { try parse(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", version: 4)) }
  }

  @Test(arguments: ["|O", "O", "<O8"]) func pythonObjectsAreRefusedAsAPickle(code: String) {
    #expect(problem("{'descr': '\(code)', 'fortran_order': False, 'shape': (2,), }") == .objects(code))
    #expect(ArrayError("x.npy", .objects("|O")).description.contains("no pickle is executed"))
  }

  @Test(arguments: ["<U4", "<c8", "<f1", "<f16", "|u2", "<b2", "<V2", "=f4", "f4", "", "<m8[ns]"])
  func otherElementsAreRefusedByTheirCode(code: String) {
    #expect(problem("{'descr': '\(code)', 'fortran_order': False, 'shape': (2,), }") == .elementType(code))
  }

  @Test func recordsAreRefused() {
    #expect(problem("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }") == .structured)
  }

  @Test(arguments: [
    "", "{}", "{'descr': '<f4'}", "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + {}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': (2,)}", "{'descr': '<\\x66', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
  ])
  func otherLiteralsAreRefused(text: String) {
    guard case .header = problem(text) else {
      Issue.record("\(text) was taken for something else: \(String(describing: problem(text)))")
      return
    }
  }

  @Test func sizesThatOverflowAreRefused() {
    let shapes = ["(4611686018427387904, 8)", "(9223372036854775807, 9223372036854775807)", "(3037000500, 3037000500)"]
    for shape in shapes {
      guard case .tooLarge = problem("{'descr': '<f4', 'fortran_order': False, 'shape': \(shape)}") else {
        Issue.record("\(shape) was taken")
        continue
      }
    }
  }

  @Test func falseLengthsOfHeadersAreRefused() throws {
    let whole = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }")
    for count in 0..<whole.count { #expect(throws: ArrayError.self, "\(count) bytes") { try parse(Array(whole.prefix(count))) } }
    var long = npy("{}", version: 2)
    long.replaceSubrange(8..<12, with: [0xFF, 0xFF, 0xFF, 0x7F])
    #expect(#expect(throws: ArrayError.self) { try parse(long) }?.problem == .headerLength(0x7FFF_FFFF))
  }

  /// A file of this header, as the format has it.
  private func npy(_ text: String, version: UInt8 = 1) -> [UInt8] {
    let length = text.utf8.count
    let sizes = (0..<(version == 1 ? 2 : 4)).map { UInt8(length >> (8 * $0) & 255) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + sizes + Array(text.utf8)
  }
}
