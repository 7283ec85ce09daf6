import Foundation
import RecipeKit
import Testing

@testable import Datasets

/// A folder of files for one test, which goes away with it.
final class SourceFolder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("sources-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, whose folders are made, and gives its path.
  @discardableResult func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) }
}

/// An `.npy` file as numpy writes it.
func npy(_ code: String, _ shape: [Int], _ data: [UInt8], columnMajor: Bool = false) -> [UInt8] {
  let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
  let header = "{'descr': '\(code)', 'fortran_order': \(columnMajor ? "True" : "False"), 'shape': (\(sizes)), }\n"
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8) + data
}

/// Numbers as they lie in a file, little-endian or big-endian.
func raw<T: BitwiseCopyable>(_ values: [T], bigEndian: Bool = false) -> [UInt8] {
  values.flatMap { value in
    let bytes = withUnsafeBytes(of: value) { Array($0) }
    return bigEndian ? bytes.reversed() : bytes
  }
}

/// An IDX file with any header.
func idx(_ shape: [UInt32], _ bytes: [UInt8], type: UInt8 = 0x08) -> [UInt8] {
  let sizes = shape.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } }
  return [0, 0, type, UInt8(shape.count)] + sizes + bytes
}
