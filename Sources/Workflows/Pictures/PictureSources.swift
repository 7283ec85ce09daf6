import Failures
import Foundation
import Imaging

/// The pictures that a command is to work on: files as they were named, and those in folders, without hidden ones.
struct PictureSources {
  struct Source: Equatable {
    let path: String
    /// Its folder below the one that was named; empty for what lies directly in it and for files.
    var subfolder = ""
  }
  private(set) var pictures: [Source] = []
  /// Number of files in the folders that are not pictures.
  private(set) var leftOut = 0
  private(set) var folders = 0

  /// - Parameters:
  ///   - recursive: whether folders in folders are taken, too; links to folders are not followed.
  ///   - output: a folder whose contents are results, which are no sources.
  /// - Throws: `SfumatoError` for a source that does not exist, a folder that cannot be read, and when there is no picture.
  init(_ paths: [String], recursive: Bool = false, leavingOut output: String? = nil) throws {
    let results = output?.fileIdentity
    for path in paths {
      switch PicturePath.isFolder(path) {
      case nil: throw SfumatoError(.missing, "there is no picture or folder '\(path)'")
      case false?: pictures.append(Source(path: path))
      case true?:
        folders += 1
        try add(path.withoutTrailingSlashes, below: "", recursive, results)
      }
    }
    guard !pictures.isEmpty else {
      throw SfumatoError(
        .missing, "there are no pictures in \(paths.joined(separator: ", ")); expected files that are pictures by contents or name")
    }
  }

  private mutating func add(_ folder: String, below subfolder: String, _ recursive: Bool, _ results: String?) throws {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw SfumatoError(.io, "\(folder): cannot be read: \(error.systemMessage)")
    }
    for name in names where !name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      guard let isFolder = PicturePath.isFolder(path) else { continue }
      if isFolder {
        guard recursive, !PicturePath.isLink(path), path.fileIdentity != results else { continue }
        try add(path, below: subfolder.isEmpty ? name : "\(subfolder)/\(name)", recursive, results)
      } else if PictureFormat.isPicture(file: path) {
        pictures.append(Source(path: path, subfolder: subfolder))
      } else {
        leftOut += 1
      }
    }
  }
}

/// Questions about paths of pictures and results.
enum PicturePath {
  /// Nil for what does not exist.
  static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) ? isFolder.boolValue : nil
  }

  static func isLink(_ path: String) -> Bool { (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil }

  /// Makes the folder of a result.
  /// - Throws: `ImagingError` in the system's words.
  static func makeFolder(of file: String) throws {
    let folder = file.parentFolder
    guard !folder.isEmpty, let problem = folder.makeFolder() else { return }
    throw ImagingError(file: folder, .unwritable(problem))
  }
}
