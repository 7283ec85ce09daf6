import Checkpoints
import Datasets
import Failures
import Foundation

/// Identifies the data set of a run when it is resumed: number of examples, classes, and names and sizes of the files. No picture
/// is read.
public struct DataFingerprint: Codable, Sendable, Equatable {
  public let examples: Int
  public let classNames: [String]
  /// Hash of the file names relative to their common folder and of the file sizes, so that moved data are recognised.
  public let files: String
  /// Hash of the captions; nil for data without.
  public let captions: String?

  /// - Parameter paths: the paths in the data set's recipe.
  init(_ dataset: any Dataset, paths: [String]) {
    examples = dataset.count
    classNames = dataset.classNames
    files = Self.digest(Self.files(of: dataset) ?? paths)
    captions = dataset.hasCaptions ? Self.hash((0..<dataset.count).lazy.map { dataset.caption(at: $0) ?? "" }) : nil
  }

  /// The pictures stored one per file; nil if there are none.
  private static func files(of dataset: any Dataset) -> [String]? {
    var paths: [String] = []
    for part in dataset.parts where !part.range.isEmpty {
      guard case .file? = try? dataset[part.range.lowerBound].content else { continue }
      for index in part.range {
        if case .file(let path)? = try? dataset[index].content { paths.append(path) }
      }
    }
    return paths.isEmpty ? nil : paths
  }

  /// FNV-1a, 64 bits: to notice a change, not to withstand an attack.
  private static func hash(_ lines: some Sequence<String>) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ text: String) { for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
    for line in lines { add("\(line)\n") }
    return String(hash, radix: 16)
  }

  private static func digest(_ written: [String]) -> String {
    let paths = written.map(plain), root = commonFolder(paths)
    return hash(paths.lazy.map { "\($0.dropFirst(root.count)) \(size($0))" })
  }

  /// A path without what leaves it the same: `cats/` and `./cats` are `cats`.
  private static func plain(_ path: String) -> String {
    guard path.contains("//") || path.contains("./") || path.hasSuffix("/") || path.hasSuffix("/.") else { return path }
    let parts = path.split(separator: "/").filter { $0 != "." }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func commonFolder(_ paths: [String]) -> String {
    guard var root = paths.first.map({ $0.parentFolder + "/" }) else { return "" }
    for path in paths.dropFirst() {
      while !root.isEmpty, !path.hasPrefix(root) {
        root = String(root.dropLast().lastIndex(of: "/").map { root[...$0] } ?? "")
      }
    }
    return root
  }

  private static func size(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }
}

extension DataFingerprint: CustomStringConvertible {
  public var description: String {
    let classes = classNames.isEmpty ? "no classes" : "\(classNames.count) classes"
    return "\(examples) images, \(classes)"
  }
}

extension DataFingerprint {
  /// nil if there is none, as in runs of version 0.1.0.
  static func read(_ path: String) throws -> DataFingerprint? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    guard data.count < 1 << 24, let fingerprint = try? JSONDecoder().decode(DataFingerprint.self, from: data) else {
      throw SfumatoError(.data, "\(path) does not describe the data of a run; delete it to resume without comparing the data")
    }
    return fingerprint
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(String(decoding: encoder.encode(self), as: UTF8.self) + "\n", to: path)
  }
}
