import Checkpoints
import Failures
import Foundation

/// In which form a data set is written, told by the name of what is to be written.
public enum DataExportForm: Sendable, Equatable {
  /// Two files; labels only where there are classes.
  case idx(images: String, labels: String)
  /// `arr_0` images, `arr_1` labels.
  case npz(String)
  /// PNG files, in a folder for each class.
  case folder(String)

  /// - Throws: `SfumatoError` for a name that is of none of them.
  public init(of output: String) throws {
    guard !output.isEmpty else { throw SfumatoError(.usage, "the name of what to write is empty") }
    let name = (output as NSString).lastPathComponent
    if name.hasSuffix(".npz") {
      self = .npz(output)
    } else if name.contains("idx3") || name.contains("idx4") {
      let labels = name.replacing("images", with: "labels").replacing("idx3", with: "idx1").replacing("idx4", with: "idx1")
      let folder = output.dropLast(name.count)
      self = .idx(images: output, labels: folder + labels)
    } else if (name as NSString).pathExtension.isEmpty || output.hasSuffix("/") {
      self = .folder(output.count > 1 && output.hasSuffix("/") ? String(output.dropLast()) : output)
    } else {
      throw SfumatoError(
        .usage,
        "\(output): expected NAME.npz, NAME-images-idx3-ubyte or NAME-images-idx3-ubyte.gz, or the name of a folder without an ending")
    }
  }

  /// Refuses, before the work, what could not be written after it.
  /// - Throws: `SfumatoError`.
  func check() throws {
    switch self {
    case .npz(let file): try OutputFile.check(file)
    case .idx(let images, let labels):
      try OutputFile.check(images)
      try OutputFile.check(labels)
    case .folder(let folder):
      guard FileManager.default.fileExists(atPath: folder) else { return try OutputFile.check(folder) }
      guard (try? FileManager.default.contentsOfDirectory(atPath: folder))?.isEmpty == true else {
        throw SfumatoError(.io, "\(folder): is there already; name a folder that is not, or an empty one")
      }
    }
  }
}
