import Checkpoints
import Datasets
import Failures
import Foundation
import Imaging
import Synchronization

/// Inspects every picture of a data set, a chunk of pictures at a time, decoded on all cores.
public final class DataInspection {
  public enum Depth: Sendable {
    /// Every picture is decoded.
    case full
    /// For picture files and archives only headers are read, so damage after them goes unnoticed.
    case headers
  }

  private let name: String
  private let dataset: any Dataset
  private let kind: String, settings: [String]
  private let depth: Depth
  private var tally: DataTally
  private var position = 0

  private static let step = 256

  /// - Parameter name: the data set as the user named it.
  public convenience init(_ name: String, _ source: DataSource, depth: Depth = .full) {
    self.init(name, source.dataset, kind: source.kind, settings: source.settings, depth: depth)
  }

  init(_ name: String, _ dataset: any Dataset, kind: String, settings: [String] = [], depth: Depth = .full) {
    (self.name, self.dataset) = (name, dataset)
    (self.kind, self.settings) = (kind, settings)
    self.depth = depth
    tally = DataTally(classes: dataset.classNames.count)
  }

  public var unreadableCount: Int { tally.unreadableCount }

  /// - Returns: the completed fraction, nil when all pictures are done. Unreadable pictures do not stop it.
  public func next() -> Double? {
    let count = dataset.count
    guard position < count else { return nil }
    let range = position..<min(position + Self.step, count)
    let (dataset, depth) = (dataset, depth)
    for (index, finding) in zip(range, Self.onAllCores(range) { Self.look(at: $0, of: dataset, depth) }) { tally.add(finding, at: index) }
    position = range.upperBound
    return Double(position) / Double(count)
  }

  /// The findings so far.
  public var report: DataReport {
    let classes = zip(dataset.classNames, tally.members).map { DataReport.ClassCount(name: $0, count: $1.count) }
    return DataReport(
      source: name, kind: kind, settings: settings, count: dataset.count, isComplete: depth == .full,
      sizes: tally.sizeReport, channels: tally.channelReport, classes: classes, unlabelled: tally.members.last?.count ?? 0,
      contextSize: dataset.contextSize, captions: DataReport.Captions(dataset), unreadableCount: tally.unreadableCount,
      unreadable: tally.unreadable,
      skippedCount: dataset.skipped.count, skipped: Array(dataset.skipped.prefix(DataTally.mostReasons)))
  }

  /// Checks before the inspection that a sheet can be written.
  /// - Throws: `SfumatoError`.
  public static func check(sheet path: String) throws {
    do { _ = try ImageFormat(forFile: path) } catch { throw SfumatoError(.usage, "\(error)") }
    try OutputFile.check(path)
  }

  /// A contact sheet with some pictures of each class.
  /// - Throws: `SfumatoError` when no picture can be read, `ImagingError`.
  public func sheet() throws -> Image { try DataSheet(dataset, members: tally.members).draw() }

  private static func look(at index: Int, of dataset: any Dataset, _ depth: Depth) -> DataTally.Finding {
    do {
      let picture = try dataset[index]
      return .picture(try shape(of: picture, depth), label: picture.label)
    } catch { return .unreadable("\(error)") }
  }

  private static func shape(of picture: Picture, _ depth: Depth) throws -> ImageShape {
    let header: PictureReader? =
      switch (depth, picture.content) {
      case (.headers, .file(let path)): try PictureReader(file: path)
      case (.headers, .encoded(let bytes)): try PictureReader(decoding: bytes, name: picture.name)
      default: nil
      }
    if let header { return ImageShape(height: header.height, width: header.width, channels: header.channels) }
    let image = try picture.image()
    return ImageShape(height: image.height, width: image.width, channels: image.channels)
  }

  /// The values for a range of indices, in order, computed concurrently.
  static func onAllCores<Value: Sendable>(_ range: Range<Int>, _ value: @Sendable (Int) -> Value) -> [Value] {
    let values = Mutex([Value?](repeating: nil, count: range.count))
    DispatchQueue.concurrentPerform(iterations: range.count) { offset in
      let one = value(range.lowerBound + offset)
      values.withLock { $0[offset] = one }
    }
    return values.withLock { $0.compactMap { $0 } }
  }
}
