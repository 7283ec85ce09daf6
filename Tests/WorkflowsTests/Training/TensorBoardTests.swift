import Foundation
import Imaging
import Testing

@testable import Workflows

/// A reader of TFRecords and of protocol buffers that shares no code with the writer.
private struct EventReader {
  /// A field of a message: its number, and its value by wire type.
  enum Value: Equatable {
    case varint(UInt64), fixed64(UInt64), bytes([UInt8]), fixed32(UInt32)
  }

  struct Broken: Error { let what: String }

  /// CRC-32C bit by bit.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc % 2 == 1 ? crc / 2 ^ 0x82F6_3B78 : crc / 2 }
    }
    crc = ~crc
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

  static func records(_ file: [UInt8]) throws -> [[UInt8]] {
    var records: [[UInt8]] = [], at = 0
    while at < file.count {
      guard at + 12 <= file.count else { throw Broken(what: "truncated") }
      let length = Int(number(file[at..<at + 8])), data = at + 12
      guard UInt64(checksum(Array(file[at..<at + 8]))) == number(file[at + 8..<at + 12]) else { throw Broken(what: "checksum of a length") }
      guard data + length + 4 <= file.count else { throw Broken(what: "truncated") }
      let record = Array(file[data..<data + length])
      guard UInt64(checksum(record)) == number(file[data + length..<data + length + 4]) else { throw Broken(what: "checksum of data") }
      records.append(record)
      at = data + length + 4
    }
    return records
  }

  static func fields(_ message: [UInt8]) throws -> [Int: [Value]] {
    var fields: [Int: [Value]] = [:], at = 0
    func varint() throws -> UInt64 {
      var value: UInt64 = 0, shift: UInt64 = 0
      while true {
        guard at < message.count else { throw Broken(what: "truncated") }
        value |= UInt64(message[at] & 127) << shift
        (at, shift) = (at + 1, shift + 7)
        if message[at - 1] < 128 { return value }
      }
    }
    func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
      guard at + count <= message.count else { throw Broken(what: "truncated") }
      defer { at += count }
      return message[at..<at + count]
    }
    while at < message.count {
      let key = try varint(), field = Int(key >> 3)
      switch key & 7 {
      case 0: fields[field, default: []].append(.varint(try varint()))
      case 1: fields[field, default: []].append(.fixed64(number(try bytes(8))))
      case 2: fields[field, default: []].append(.bytes(Array(try bytes(Int(varint())))))
      case 5: fields[field, default: []].append(.fixed32(UInt32(number(try bytes(4)))))
      default: throw Broken(what: "wire type \(key & 7)")
      }
    }
    return fields
  }

  static func message(_ fields: [Int: [Value]], _ field: Int, _ index: Int = 0) throws -> [Int: [Value]] {
    guard case .bytes(let bytes)? = fields[field]?[index] else { throw Broken(what: "no message \(field)") }
    return try Self.fields(bytes)
  }
}

@Suite("Event files for TensorBoard") struct TensorBoardTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func write(_ events: [TensorBoardEvent], step: Int = 0) throws -> [[Int: [EventReader.Value]]] {
    let file = try EventFile(in: "\(folder.path)/tensorboard", step: step, time: 1000)
    for event in events { try file.add(event) }
    return try EventReader.records(Array(Data(contentsOf: URL(fileURLWithPath: file.path)))).map(EventReader.fields)
  }

  /// RFC 3720, appendix B.4, and the text that such checksums are tried with.
  @Test func checksumsAreThoseOfTheStandard() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 255, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of(0..<32) == 0x46DD_794E)
    #expect(CRC32C.masked(Array("123456789".utf8)) == EventReader.checksum(Array("123456789".utf8)))
  }

  @Test func beginWithTheirVersionAndTheStartOfASession() throws {
    let events = try write([], step: 300)
    #expect(events.count == 2)
    #expect(events[0][3] == [.bytes(Array("brain.Event:2".utf8))])
    #expect(events[0][1] == [.fixed64((1000.0).bitPattern)])
    #expect(events[1][2] == [.varint(300)])
    #expect(try EventReader.message(events[1], 7) == [1: [.varint(1)]])
  }

  @Test func holdScalarsUnderTheirTags() throws {
    let event = TensorBoardEvent(wallTime: 5, step: 1_000_000, content: .scalars([("loss/training", 0.25), ("images", -1e9)]))
    let read = try write([event])[2]
    #expect(read[2] == [.varint(1_000_000)])
    let summary = try EventReader.message(read, 5)
    #expect(try EventReader.message(summary, 1, 0) == [1: [.bytes(Array("loss/training".utf8))], 2: [.fixed32(Float(0.25).bitPattern)]])
    #expect(try EventReader.message(summary, 1, 1)[2] == [.fixed32(Float(-1e9).bitPattern)])
  }

  @Test func holdPicturesAsPNG() throws {
    let image = Image(width: 5, height: 3, color: [1, 2, 3])
    let read = try write([TensorBoardEvent(wallTime: 5, step: 7, content: .image(tag: "preview", image))])[2]
    let value = try EventReader.message(EventReader.message(read, 5), 1), picture = try EventReader.message(value, 4)
    #expect([picture[1], picture[2], picture[3]] == [[.varint(3)], [.varint(5)], [.varint(3)]])
    guard case .bytes(let png)? = picture[4]?.first else { throw EventReader.Broken(what: "no picture") }
    #expect(try Image(decoding: png) == image)
  }

  @Test func holdTextForThePluginOfThatName() throws {
    let read = try write([TensorBoardEvent(wallTime: 5, step: 0, content: .text(tag: "recipe", "a: ü\n"))])[2]
    let value = try EventReader.message(EventReader.message(read, 5), 1)
    #expect(value[1] == [.bytes(Array("recipe/text_summary".utf8))])
    #expect(try EventReader.message(EventReader.message(value, 9), 1)[1] == [.bytes(Array("text".utf8))])
    let tensor = try EventReader.message(value, 8)
    #expect(tensor[1] == [.varint(7)] && tensor[8] == [.bytes(Array("a: ü\n".utf8))])
  }

  @Test func areNeverWrittenOver() throws {
    let paths = try (0..<3).map { _ in try EventFile(in: folder.path, step: 0, time: 1000).path }
    #expect(Set(paths).count == 3 && paths.allSatisfy { $0.contains("/events.out.tfevents.0000001000") })
    #expect(refusal { _ = try EventFile(in: "\(paths[0])/nowhere", step: 0) }?.failure == .io)
  }

  /// A run that went back: TensorBoard itself, where Python has it, shows each step once, pictures and text.
  @Test(.enabled(if: PythonTensorBoard.isInstalled, "tensorboard is not installed in python3 or $SFUMATO_PYTHON"))
  func areReadByTensorBoard() throws {
    let logs = "\(folder.path)/tensorboard"
    func scalars(_ step: Int, _ value: Double) -> TensorBoardEvent {
      TensorBoardEvent(wallTime: Double(2000 + step), step: step, content: .scalars([("loss/training", value)]))
    }
    let first = try EventFile(in: logs, step: 0, time: 1000)
    for step in 1...4 { try first.add(scalars(step, Double(step))) }
    try first.add(TensorBoardEvent(wallTime: 3000, step: 2, content: .image(tag: "preview", Image(width: 5, height: 3, color: [9]))))
    try first.add(TensorBoardEvent(wallTime: 3000, step: 0, content: .text(tag: "recipe", "training: {}")))
    let second = try EventFile(in: logs, step: 3, time: 4000)
    for step in 3...5 { try second.add(scalars(step, 0.5)) }
    let script = """
      import sys, json
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      a = EventAccumulator(sys.argv[1]); a.Reload()
      image = a.Images("preview")[0]
      print(json.dumps({"scalars": [[e.step, e.value] for e in a.Scalars("loss/training")],
        "image": [image.step, image.width, image.height],
        "text": a.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0].decode()}))
      """
    let output = try PythonTensorBoard.run(script, logs)
    let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
    #expect(found["scalars"] as? [[Double]] == [[1, 1], [2, 2], [3, 0.5], [4, 0.5], [5, 0.5]])
    #expect(found["image"] as? [Int] == [2, 5, 3] && found["text"] as? String == "training: {}")
  }
}

/// Python with the package `tensorboard`: `$SFUMATO_PYTHON`, else `python3`.
enum PythonTensorBoard {
  static let isInstalled = (try? run("import tensorboard; print('yes')")) == "yes"

  static func run(_ script: String, _ arguments: String...) throws -> String {
    let python = ProcessInfo.processInfo.environment["SFUMATO_PYTHON"].flatMap { $0.isEmpty ? nil : $0 } ?? "python3"
    let process = Process(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", script] + arguments
    (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
