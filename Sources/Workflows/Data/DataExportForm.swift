import Checkpoints
import Failures
import Foundation

/// The format of an export, determined by the name of the output.
public enum DataExportForm: Sendable, Equatable {
  /// Two files; labels only if there are classes.
  case idx(images: String, labels: String)
  /// `arr_0` images, `arr_1` labels.
  case npz(String)
  /// PNG files, in one folder per class.
  case folder(String)

  /// - Throws: `SfumatoError` for an unrecognised name.
  public init(of output: String) throws {
    guard !output.isEmpty else { throw SfumatoError(.usage, "the name of the output is empty") }
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
        "\(output): expected NAME.npz, NAME-images-idx3-ubyte or NAME-images-idx3-ubyte.gz, or the name of a folder without an extension")
    }
  }

  /// Checks before the export that its output can be written.
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
        throw SfumatoError(.io, "\(folder): already exists and is not empty; name a new or an empty folder")
      }
    }
  }
}
