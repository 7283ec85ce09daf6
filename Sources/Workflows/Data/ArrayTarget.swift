import Archives
import Checkpoints
import Failures
import Foundation
import Imaging
import Synchronization

/// Exports all pictures as one array, to IDX files or an `.npz`; they are held in memory until written.
final class ArrayTarget: ExportTarget {
  private struct State {
    var pictures: [ExportedPicture] = []
    var bytes = 0
  }
  private let form: DataExportForm
  private let hasLabels: Bool
  private let state = Mutex(State())

  /// The most bytes of pictures held: 4 GiB.
  private static let memoryLimit = 1 << 32

  init(_ form: DataExportForm, hasLabels: Bool) {
    self.form = form
    self.hasLabels = hasLabels
  }

  func prepare(_ picture: ExportedPicture, at index: Int) -> ExportedPicture { picture }

  /// - Throws: `SfumatoError` for a picture that differs in size from the first, and when there are too many.
  func add(_ picture: ExportedPicture) throws {
    let (first, bytes) = state.withLock { state in
      state.pictures.append(picture)
      state.bytes += picture.image.bytes.count
      return (state.pictures[0].image, state.bytes)
    }
    let image = picture.image
    guard image.width == first.width, image.height == first.height else {
      throw SfumatoError(
        .data,
        "the pictures differ in size, \(first.height) x \(first.width) and \(image.height) x \(image.width); set --size, or export to a folder"
      )
    }
    guard bytes <= Self.memoryLimit else {
      throw SfumatoError(.data, "the pictures exceed the limit of \(Self.memoryLimit) bytes for one file; export to a folder")
    }
  }

  var files: [String] {
    switch form {
    case .npz(let file), .folder(let file): [file]
    case .idx(let images, let labels): hasLabels ? [images, labels] : [images]
    }
  }

  func finish() throws {
    let pictures = state.withLock { $0.pictures }
    let first = pictures[0].image
    // Colour if any picture has it, and alpha likewise.
    let colors = pictures.contains { $0.image.channels > 2 } ? 3 : 1
    let channels = colors + (pictures.contains { $0.image.hasAlpha } ? 1 : 0)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(pictures.count * first.height * first.width * channels)
    for picture in pictures { bytes += picture.image.withChannels(channels).bytes }
    let labels = hasLabels ? pictures.map { $0.label ?? 0 } : nil
    let shape = [pictures.count, first.height, first.width, channels]
    if case .npz(let file) = form { try Self.writeNPZ(bytes, shape: shape, labels: labels, to: file) }
    if case .idx(let images, let labelFile) = form { try writeIDX(bytes, shape: shape, labels: labels, to: images, labelFile) }
  }

  private static func writeNPZ(_ bytes: [UInt8], shape: [Int], labels: [Int]?, to file: String) throws {
    var arrays = [(name: "arr_0", npy: NPY.encode(bytes, shape: shape, dtype: .uint8))]
    if let labels {
      let numbers = labels.flatMap { number in withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) } }
      arrays.append((name: "arr_1", npy: NPY.encode(numbers, shape: [labels.count], dtype: .int64)))
    }
    try NPY.write(arrays, to: file)
  }

  /// IDX stores labels as bytes.
  private func writeIDX(_ bytes: [UInt8], shape: [Int], labels: [Int]?, to images: String, _ labelFile: String) throws {
    if let highest = labels?.max(), highest > 255 {
      throw SfumatoError(.data, "IDX files allow at most 256 classes, found \(highest + 1); export to an .npz or a folder")
    }
    guard labels == nil || labelFile != images else {
      throw SfumatoError(
        .usage, "\(images): expected a name that contains 'images' or 'idx3', from which the name of the labels file is derived")
    }
    let shape = shape[3] == 1 ? Array(shape.dropLast()) : shape
    var files = [(images, Self.idx(shape, bytes))]
    if let labels { files.append((labelFile, Self.idx([labels.count], labels.map { UInt8($0) }))) }
    try AtomicFiles.write(files.map { (path: $0, bytes: $0.hasSuffix(".gz") ? Gzip.compress($1) : $1) })
  }

  static func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    let sizes = shape.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } }
    return [0, 0, 0x08, UInt8(shape.count)] + sizes + bytes
  }
}

/// Writes several files that belong together: all under temporary names before the first is renamed.
enum AtomicFiles {
  /// - Throws: `CheckpointError` on a system error; until the first file is renamed nothing has changed.
  static func write(_ files: [(path: String, bytes: [UInt8])]) throws {
    // A device cannot be renamed to; it is written last, when no file can fail any more.
    let devices = files.filter { WritingTarget($0.path) == .stream }, files = files.filter { WritingTarget($0.path) != .stream }
    func put(_ bytes: [UInt8], _ write: (UnsafeRawBufferPointer) throws -> Void) throws { try bytes.withUnsafeBytes { try write($0) } }
    var prepared: [UnfinishedOutput] = []
    defer { for unfinished in prepared { unfinished.remove() } }
    for file in files { prepared.append(try AtomicFile.prepare(file.path) { try put(file.bytes, $0) }) }
    for (file, unfinished) in zip(files, prepared) { try AtomicFile.put(unfinished, at: file.path) }
    for device in devices { try AtomicFile.write(to: device.path) { try put(device.bytes, $0) } }
  }
}
