import Archives
import Failures
import Foundation

/// The files of CIFAR's binary version, found in a folder, in an archive, or named one by one.
struct CIFARFiles {
  let form: CIFARForm
  private let path: String
  /// The files by their names without folders.
  private let files: [String: ByteStore]
  /// The only file that is wanted, where it was named itself.
  private let single: String?

  /// The folders' names in the archives.
  static let folders = ["cifar-10-batches-bin", "cifar-100-binary"]

  private static let known: Set<String> = {
    let names = [CIFARForm.cifar10, .cifar100].flatMap { form in
      form.batchFiles(.all) + [form.namesFile(.fine), form.namesFile(.coarse)]
    }
    return Set(names)
  }()
  /// No batch is larger; the largest as distributed is train.bin of 154 MB.
  private static let batchLimit = 1 << 28

  /// - Throws: `ArchiveError` when there is nothing of that name, `DatasetError` when it does not hold CIFAR.
  init(path: String) throws {
    self.path = path
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      files = try Self.inFolder(path)
      single = nil
    } else if path.hasSuffix(".bin") {
      let name = (path as NSString).lastPathComponent
      let folder = path.parentFolder
      var files = [name: try ByteStore(path: path, limit: Self.batchLimit)]
      for other in Self.known where other.hasSuffix(".txt") {
        files[other] = try? ByteStore(path: folder.isEmpty ? other : "\(folder)/\(other)", limit: 1 << 16)
      }
      self.files = files
      single = name
    } else {
      let entries = try ByteStore.entries(of: path, limit: Self.batchLimit) { Self.known.contains(($0 as NSString).lastPathComponent) }
      files = Dictionary(entries.map { (($0.entry as NSString).lastPathComponent, $0.bytes) }) { first, _ in first }
      single = nil
    }
    guard let form = Self.form(of: single.map { [$0] } ?? Array(files.keys)) else {
      throw DatasetError(
        .data, path,
        Self.isPythonVersion(path)
          ? "holds the Python version of CIFAR, which is pickles, and no pickle is executed; get the binary version"
          : "holds no binary version of CIFAR: expected data_batch_1.bin and so on, or train.bin and test.bin")
    }
    self.form = form
  }

  static func form(of names: [String]) -> CIFARForm? {
    if names.contains(where: { $0.hasPrefix("data_batch_") || $0.hasPrefix("test_batch") }) { return .cifar10 }
    return names.contains("train.bin") || names.contains("test.bin") ? .cifar100 : nil
  }

  private static func inFolder(_ path: String) throws(ArchiveError) -> [String: ByteStore] {
    var files: [String: ByteStore] = [:]
    for folder in [path] + folders.map({ "\(path)/\($0)" }) where files.isEmpty {
      for name in known where FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
        files[name] = try ByteStore(path: "\(folder)/\(name)", limit: batchLimit)
      }
    }
    return files
  }

  /// The other published version consists of pickles, under names without an ending.
  private static func isPythonVersion(_ folder: String) -> Bool {
    ["data_batch_1", "cifar-10-batches-py", "cifar-100-python"].contains { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
  }

  /// - Throws: `DatasetError` that names the files that are missing.
  func batches(of split: CIFARDataset.Split) throws(DatasetError) -> [ByteStore] {
    let names = single.map { [$0] } ?? form.batchFiles(split)
    let missing = names.filter { files[$0] == nil }
    guard missing.isEmpty else { throw DatasetError(path, .incomplete(missing: missing)) }
    return names.compactMap { files[$0] }
  }

  /// The names in the file beside the batches; without it the published names of CIFAR-10, or numbers.
  /// - Throws: `DatasetError` for another number of names.
  func classNames(_ labels: CIFARDataset.Labels, count: Int) throws -> [String] {
    guard let file = files[form.namesFile(labels)] else {
      return form == .cifar10
        ? ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"] : (0..<count).map(String.init)
    }
    let text = String(decoding: try file.read(0..<min(file.count, 1 << 16)), as: UTF8.self)
    let names = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    guard names.count == count else { throw DatasetError(file.name, .classNames(names.count, expected: count)) }
    return names
  }
}
