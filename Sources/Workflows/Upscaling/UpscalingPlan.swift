import Checkpoints
import Failures
import Foundation
import Imaging

/// Which pictures are enlarged and where each result goes, decided before anything is computed.
public struct UpscalingPlan: Sendable, Equatable {
  public struct Item: Sendable, Equatable {
    public let source: String, target: String
  }
  public let items: [Item]
  /// Number of files in the source folders that are not pictures.
  public let leftOut: Int
  /// The output folder, if it has to be created.
  let newFolder: String?

  /// - Parameters:
  ///   - sources: pictures, and folders whose pictures are taken, without subfolders and hidden files.
  ///   - output: a file for one picture; otherwise a folder, created if missing, in which results keep their picture's name, with
  ///     `.png` in place of an extension that is not written.
  /// - Throws: `SfumatoError` for a missing source, two results with the same name, a result that would overwrite its picture,
  ///   and an output that cannot be written.
  public init(_ sources: [String], output: String) throws {
    guard !output.isEmpty else { throw SfumatoError(.usage, "the name of the output is empty") }
    var files: [String] = [], folders = 0, leftOut = 0
    for source in sources {
      switch Self.isFolder(source) {
      case nil: throw SfumatoError(.missing, "there is no picture or folder '\(source)'")
      case false?: files.append(source)
      case true?:
        let (pictures, others) = try Self.pictures(in: source)
        files += pictures
        leftOut += others
        folders += 1
      }
    }
    guard !files.isEmpty else {
      throw SfumatoError(
        .missing, "there are no pictures in \(sources.joined(separator: ", ")); expected files that are pictures by contents or name")
    }
    let outputIsFolder = Self.isFolder(output)
    let isFile = folders == 0 && files.count == 1 && outputIsFolder != true && !output.hasSuffix("/")
    guard isFile || outputIsFolder != false else {
      throw SfumatoError(.usage, "\(output) is a file; expected a folder for the results of \(files.count) pictures")
    }
    newFolder = isFile || outputIsFolder == true ? nil : output
    items = isFile ? [Item(source: files[0], target: output)] : Self.items(of: files, in: output)
    self.leftOut = leftOut
    try checkNames()
    try OutputFile.check(outputIsFolder == true ? items[0].target : Self.withoutSlash(output))
  }

  private func checkNames() throws {
    var sources: [String: String] = [:], seen = Set(items.map { Self.identity($0.source) })
    for item in items {
      do { _ = try ImageFormat(forFile: item.target) } catch { throw SfumatoError(.usage, "\(error)") }
      if let other = sources.updateValue(item.source, forKey: item.target) {
        throw SfumatoError(.usage, "\(other) and \(item.source) would both become \(item.target)")
      }
      guard seen.insert(Self.identity(item.target)).inserted else {
        throw SfumatoError(.usage, "\(item.target) is one of the pictures and would be overwritten; name another output")
      }
    }
  }

  private static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) ? isFolder.boolValue : nil
  }

  private static func pictures(in folder: String) throws -> (pictures: [String], others: Int) {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw SfumatoError(.io, "\(folder): cannot be read: \(error.localizedDescription)")
    }
    let files = names.filter { !$0.hasPrefix(".") && isFolder("\(folder)/\($0)") == false }
    let pictures = files.filter { PictureFormat.isPicture(file: "\(withoutSlash(folder))/\($0)") }
    return (pictures.map { "\(withoutSlash(folder))/\($0)" }, files.count - pictures.count)
  }

  /// A picture whose result would share a name with another's keeps its own extension too: `anim.gif.png` beside `anim.png`.
  private static func items(of sources: [String], in folder: String) -> [Item] {
    let targets = sources.map { target(of: $0, in: folder) }
    let kept = Set(zip(sources, targets).filter { ($0 as NSString).lastPathComponent == ($1 as NSString).lastPathComponent }.map(\.1))
    var seen: Set<String> = []
    return zip(sources, targets).map { source, target in
      let name = (source as NSString).lastPathComponent
      let isOwn = (target as NSString).lastPathComponent == name
      let isTaken = !isOwn && (kept.contains(target) || !seen.insert(target).inserted)
      return Item(source: source, target: isTaken ? "\(withoutSlash(folder))/\(name).png" : target)
    }
  }

  private static func target(of source: String, in folder: String) -> String {
    let name = (source as NSString).lastPathComponent
    let pathExtension = (name as NSString).pathExtension.lowercased()
    // Only the first frame of a GIF is enlarged, and 256 colours would be too few.
    let keepsName = ["png", "jpg", "jpeg", "webp"].contains(pathExtension)
    return "\(withoutSlash(folder))/\(keepsName ? name : (name as NSString).deletingPathExtension + ".png")"
  }

  private static func withoutSlash(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  private static func identity(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
}
