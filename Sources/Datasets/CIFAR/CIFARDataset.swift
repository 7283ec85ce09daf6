import Archives
import Failures
import Imaging
import RecipeKit

/// The binary files of CIFAR-10 and CIFAR-100 (A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009): 32 x 32
/// pixels in colour. Read in place from a folder, held in memory from the published `.tar.gz`.
public struct CIFARDataset: Dataset {
  public enum Split: String, Codable, Sendable, CaseIterable {
    case train, test, all
  }

  /// Which of CIFAR-100's two labels: one of 100 classes, or one of the 20 groups of these.
  public enum Labels: String, Codable, Sendable, CaseIterable {
    case fine, coarse
  }

  public let classNames: [String]
  public let count: Int
  public var shape: ImageShape? { ImageShape(height: 32, width: 32, channels: 3) }
  public var channels: Int { 3 }

  private let batches: [CIFARBatch]
  private let labels: [Int]

  /// A recipe's `data: { type: cifar, ... }`.
  public struct Recipe: SinglePathDatasetRecipe {
    public static let name = "cifar"

    /// The folder of the binary version, `cifar-10-batches-bin` or `cifar-100-binary`; one that it is in; the `.tar.gz` itself; or
    /// a single file, of which `split` then says nothing.
    public var path = "data/cifar-10-binary.tar.gz"
    public var split = Split.train
    public var labels = Labels.fine

    public init() {}

    public func validate() throws(RecipeError) { try require(!path.isEmpty, "path", "expected a folder, a tar or a file") }

    public func open() throws -> any Dataset { try CIFARDataset(self) }
  }

  /// - Throws: `ArchiveError`, `DatasetError` when files are missing, damaged or not what they should be.
  public init(_ recipe: Recipe) throws {
    let files = try CIFARFiles(path: recipe.path)
    let form = files.form
    guard recipe.labels == .fine || form == .cifar100 else {
      throw DatasetError(.data, recipe.path, "is CIFAR-10, which has no coarse labels; set labels to fine")
    }
    batches = try files.batches(of: recipe.split).map { try CIFARBatch($0, form: form) }
    let classCount = form.classCount(recipe.labels)
    labels = try batches.flatMap { try $0.labels(at: form.labelOffset(recipe.labels), classCount: classCount) }
    count = labels.count
    classNames = try files.classNames(recipe.labels, count: classCount)
  }

  /// - Throws: `ArchiveError` when a file has changed since it was opened.
  public subscript(index: Int) -> Picture {
    get throws {
      precondition((0..<count).contains(index), "example \(index) of a data set of \(count)")
      var record = index, batch = 0
      while record >= batches[batch].count {
        record -= batches[batch].count
        batch += 1
      }
      return Picture(.pixels(try batches[batch].image(at: record)), label: labels[index], name: "\(batches[batch].name): image \(record)")
    }
  }

  public func label(at index: Int) -> Int? { labels[index] }
}

/// One of the two sets, from which everything else follows.
enum CIFARForm {
  case cifar10, cifar100

  /// The labels before a picture's bytes.
  var labelBytes: Int { self == .cifar10 ? 1 : 2 }
  var recordSize: Int { labelBytes + 3072 }

  /// In CIFAR-100 the coarse label stands first.
  func labelOffset(_ labels: CIFARDataset.Labels) -> Int { self == .cifar100 && labels == .fine ? 1 : 0 }

  func classCount(_ labels: CIFARDataset.Labels) -> Int {
    switch self {
    case .cifar10: 10
    case .cifar100: labels == .fine ? 100 : 20
    }
  }

  func namesFile(_ labels: CIFARDataset.Labels) -> String {
    self == .cifar10 ? "batches.meta.txt" : "\(labels.rawValue)_label_names.txt"
  }

  func batchFiles(_ split: CIFARDataset.Split) -> [String] {
    let train = self == .cifar10 ? (1...5).map { "data_batch_\($0).bin" } : ["train.bin"]
    let test = self == .cifar10 ? ["test_batch.bin"] : ["test.bin"]
    switch split {
    case .train: return train
    case .test: return test
    case .all: return train + test
    }
  }
}

/// One file of records: labels, then 1024 bytes each of red, green and blue, row by row.
struct CIFARBatch: Sendable {
  let name: String
  let count: Int
  private let form: CIFARForm
  private let file: ByteStore

  /// - Throws: `DatasetError` for a file that is not made of whole records.
  init(_ file: ByteStore, form: CIFARForm) throws(DatasetError) {
    guard file.count > 0, file.count.isMultiple(of: form.recordSize) else {
      if let start = try? file.read(0..<min(file.count, ForeignFormat.startLength)), let foreign = ForeignFormat(start) {
        throw DatasetError(.data, file.name, foreign.problem(expected: "a binary file of CIFAR"))
      }
      throw DatasetError(file.name, .length(file.count, record: form.recordSize))
    }
    (name, count) = (file.name, file.count / form.recordSize)
    self.form = form
    self.file = file
  }

  /// - Throws: `DatasetError` for a label outside the classes.
  func labels(at offset: Int, classCount: Int) throws -> [Int] {
    var labels: [Int] = []
    labels.reserveCapacity(count)
    for start in stride(from: 0, to: count, by: 256) {
      let end = min(start + 256, count)
      let bytes = try file.read((start * form.recordSize)..<(end * form.recordSize))
      labels += (0..<(end - start)).map { Int(bytes[$0 * form.recordSize + offset]) }
    }
    if let index = labels.firstIndex(where: { $0 >= classCount }) {
      throw DatasetError(name, .label(Double(labels[index]), index: index, expected: "0 to \(classCount - 1)"))
    }
    return labels
  }

  func image(at index: Int) throws(ArchiveError) -> Image {
    let start = index * form.recordSize + form.labelBytes
    return Image(width: 32, height: 32, channels: 3, bytes: interleaved(try file.read(start..<(start + 3072)), channels: 3))
  }
}
