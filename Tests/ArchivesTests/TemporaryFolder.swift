import Foundation

/// A folder that goes away with the value that names it.
final class TemporaryFolder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("archives-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }
}

/// Bytes that compress somewhat, the same at every run.
func sampleBytes(_ count: Int) -> [UInt8] {
  var state: UInt32 = 2_463_534_242
  return (0..<count).map { index in
    state ^= state << 13
    state ^= state >> 17
    state ^= state << 5
    return index % 3 == 0 ? UInt8(index / 64 & 0xFF) : UInt8(state & 0x1F)
  }
}

func littleEndian(_ values: [UInt32], bytes: Int) -> [UInt8] {
  values.flatMap { value in (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }
}
