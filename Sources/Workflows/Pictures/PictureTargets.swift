import Checkpoints
import Failures
import Foundation
import Imaging

/// A picture and the file that its result is written to.
public struct PictureItem: Sendable, Equatable {
  public let source: String, target: String
}

/// Which file each picture becomes, decided before anything is computed.
struct PictureTargets {
  let items: [PictureItem]

  /// - Parameters:
  ///   - output: a file for one picture; otherwise a folder, created if missing, in which the folders of the sources are mirrored.
  ///   - names: of the results in a folder.
  /// - Throws: `SfumatoError` for two results with the same name, a result that would overwrite a picture, a format that is not
  ///   written, and an output that cannot be written.
  init(_ sources: PictureSources, output: String, names: ResultNames) throws {
    guard !output.isEmpty else { throw SfumatoError(.usage, "the name of the output is empty") }
    try names.check()
    let outputIsFolder = PicturePath.isFolder(output)
    let isFile = sources.folders == 0 && sources.pictures.count == 1 && outputIsFolder != true && !output.hasSuffix("/")
    guard isFile || outputIsFolder != false else {
      throw SfumatoError(.usage, "\(output) is a file; expected a folder for the results of \(sources.pictures.count) pictures")
    }
    let folder = output.withoutTrailingSlashes
    items = isFile ? [PictureItem(source: sources.pictures[0].path, target: output)] : Self.items(of: sources.pictures, folder, names)
    try checkNames()
    let first = (items[0].target as NSString).lastPathComponent
    try OutputFile.check(outputIsFolder == true ? "\(folder)/\(first)" : folder)
  }

  /// A picture whose result would share a name with another's keeps its own ending too: `anim.gif.png` beside `anim.png`.
  private static func items(of sources: [PictureSources.Source], _ folder: String, _ names: ResultNames) -> [PictureItem] {
    func target(_ source: PictureSources.Source, whole: Bool = false) -> String {
      ([folder, source.subfolder].filter { !$0.isEmpty } + [names.name(for: source.path, whole: whole)]).joined(separator: "/")
    }
    let targets = sources.map { target($0) }
    let kept = Set(zip(sources, targets).filter { names.keepsEnding(of: $0.0.path) }.map(\.1))
    var seen: Set<String> = []
    return zip(sources, targets).map { source, plain in
      let isTaken = !names.keepsEnding(of: source.path) && (kept.contains(plain) || !seen.insert(plain).inserted)
      return PictureItem(source: source.path, target: isTaken ? target(source, whole: true) : plain)
    }
  }

  private func checkNames() throws {
    var sources: [String: String] = [:], seen = Set(items.map(\.source.fileIdentity))
    for item in items {
      do { _ = try ImageFormat(forFile: item.target) } catch { throw SfumatoError(.usage, "\(error)") }
      if let other = sources.updateValue(item.source, forKey: item.target) {
        throw SfumatoError(.usage, "\(other) and \(item.source) would both become \(item.target)")
      }
      guard seen.insert(item.target.fileIdentity).inserted else {
        throw SfumatoError(.usage, "\(item.target) is one of the pictures and would be overwritten; name another output")
      }
    }
  }
}
