import Checkpoints
import Datasets
import Failures
import Foundation
import Imaging

/// Exports a data set to another format, atomically, a chunk of pictures at a time. Pictures that cannot be read are reported and
/// left out.
public final class DataExport {
  public struct Request: Sendable {
    public var output: String
    /// Height and width to which pictures are centre-cropped, as in guided-diffusion. By default pictures stay as they are.
    public var size: Int?
    /// Number of pictures to export, from the first; all by default.
    public var count: Int?

    public init(output: String) { self.output = output }
  }

  public struct Report: Encodable, Sendable, Equatable {
    /// The output: two files for IDX with labels, otherwise one file or folder.
    public let files: [String]
    public let count: Int
    public let unreadable: [DataReport.Unreadable]
  }

  private let dataset: any Dataset
  private let size: Int?
  private let end: Int
  private let target: any ExportTarget
  private var position = 0
  private var unreadable: [DataReport.Unreadable] = []

  private static let step = 128

  /// - Throws: `SfumatoError` for an output that cannot be written, and for IDX and npz when the pictures differ in size.
  public init(_ source: DataSource, _ request: Request) throws {
    let form = try DataExportForm(of: request.output)
    if let size = request.size, !(1...4096).contains(size) {
      throw SfumatoError(.usage, "the size must be 1 to 4096 pixels, not \(size)")
    }
    if let count = request.count, count < 1 { throw SfumatoError(.usage, "the count must be 1 or more, not \(count)") }
    dataset = source.dataset
    (size, end) = (request.size, min(request.count ?? .max, source.dataset.count))
    try form.check()
    switch form {
    case .folder(let path): target = try FolderTarget(path, classNames: dataset.classNames, count: end)
    case .idx, .npz: target = ArrayTarget(form, hasLabels: !dataset.classNames.isEmpty)
    }
  }

  /// - Returns: the completed fraction, nil when everything is written.
  /// - Throws: `SfumatoError`, `ImagingError`, `ArchiveError` or `CheckpointError` when the result cannot be written; then nothing is.
  public func next() throws -> Double? {
    guard position < end else { return nil }
    let range = position..<min(position + Self.step, end)
    let (dataset, size, target) = (dataset, size, target)
    let results = DataInspection.onAllCores(range) { index in
      Result { try target.prepare(Self.exported(try dataset[index], size), at: index) }
    }
    for (index, result) in zip(range, results) {
      switch result {
      case .success(let item): try target.add(item)
      case .failure(let error as ExportFailure): throw error.error
      case .failure(let error): unreadable.append(DataReport.Unreadable(index: index, reason: "\(error)"))
      }
    }
    position = range.upperBound
    if position == end { try finish() }
    return Double(position) / Double(end)
  }

  private func finish() throws {
    guard unreadable.count < end else {
      throw SfumatoError(.data, "none of the pictures can be read; the first: \(unreadable.first?.reason ?? "")")
    }
    try target.finish()
  }

  public var report: Report { Report(files: target.files, count: position - unreadable.count, unreadable: unreadable) }

  private static func exported(_ picture: Picture, _ size: Int?) throws -> ExportedPicture {
    let image = try picture.image()
    return ExportedPicture(image: try size.map { try image.centerFitted(width: $0, height: $0) } ?? image, label: picture.label)
  }
}

struct ExportedPicture: Sendable {
  var image: Image
  var label: Int?
}

/// The destination of an export.
protocol ExportTarget: Sendable {
  /// Called concurrently.
  func prepare(_ picture: ExportedPicture, at index: Int) throws -> ExportedPicture
  /// Called in the order of the pictures.
  func add(_ picture: ExportedPicture) throws
  /// Moves the result into place.
  func finish() throws
  /// The output once it is finished.
  var files: [String] { get }
}

/// An error that concerns the whole export, not a single picture.
struct ExportFailure: Error {
  let error: any Error
}
