import Checkpoints
import Failures
import Imaging

/// Checks of the files that editing writes, before anything is computed.
enum EditingFiles {
  /// - Parameters:
  ///   - pictures: written as pictures.
  ///   - arrays: other files.
  ///   - sources: pictures that must stay.
  /// - Throws: `SfumatoError` for a format that is not written, one file for two results or for a source, and a file that cannot be
  ///   written; `ImagingError` when libvips is missing.
  static func check(pictures: [String], arrays: [String] = [], sources: [String]) throws {
    _ = try VipsLibrary.loaded()
    for file in pictures {
      do { _ = try ImageFormat(forFile: file) } catch { throw SfumatoError(.usage, "\(error)") }
    }
    let files = pictures + arrays
    guard Set(files.map(\.fileIdentity)).count == files.count else {
      throw SfumatoError(.usage, "two results cannot be written to one file; name another")
    }
    let kept = Set(sources.map(\.fileIdentity))
    for file in files {
      guard !kept.contains(file.fileIdentity) else {
        throw SfumatoError(.usage, "\(file) is one of the pictures and would be overwritten; name another output")
      }
      try OutputFile.check(file)
    }
  }
}
