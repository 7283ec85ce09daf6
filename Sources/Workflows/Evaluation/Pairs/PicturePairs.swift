import Failures
import Foundation

/// Pictures and their originals, matched by name without its ending, in folders that mirror each other; or two files.
struct PicturePairs {
  struct Pair: Equatable {
    let name: String, picture: String, original: String
  }
  let pairs: [Pair]
  /// Pictures without an original, and originals without a picture: their paths.
  let withoutOriginal: [String], withoutPicture: [String]

  /// - Throws: `SfumatoError` for a path that does not exist, a folder beside a file, two pictures of one name, and where nothing matches.
  init(_ pictures: String, originals: String) throws {
    let isFolder = [pictures, originals].map(PicturePath.isFolder)
    if isFolder == [false, false] {
      pairs = [Pair(name: (pictures as NSString).lastPathComponent, picture: pictures, original: originals)]
      (withoutOriginal, withoutPicture) = ([], [])
      return
    }
    let (own, others) = (try Self.named(pictures), try Self.named(originals))
    guard isFolder == [true, true] else {
      throw SfumatoError(.usage, "pairs are of two folders or of two pictures; \(pictures) and \(originals) are one of each")
    }
    let names = own.keys.sorted()
    pairs = names.compactMap { name in others[name].map { Pair(name: name, picture: own[name]!, original: $0) } }
    withoutOriginal = names.filter { others[$0] == nil }.map { own[$0]! }
    withoutPicture = others.keys.filter { own[$0] == nil }.sorted().map { others[$0]! }
    guard !pairs.isEmpty else {
      throw SfumatoError(
        .data,
        "no picture of \(pictures) has the name of one of \(originals), endings apart: there are \(names.first ?? "") and "
          + "\(others.keys.sorted().first ?? ""), for example; name them alike, as 'sfumato restore' does")
    }
  }

  /// Paths by folder and name without its ending.
  private static func named(_ folder: String) throws -> [String: String] {
    var paths: [String: String] = [:]
    for source in try PictureSources([folder], recursive: true).pictures {
      let stem = ((source.path as NSString).lastPathComponent as NSString).deletingPathExtension
      let name = source.subfolder.isEmpty ? stem : "\(source.subfolder)/\(stem)"
      if let other = paths.updateValue(source.path, forKey: name) {
        throw SfumatoError(.data, "\(other) and \(source.path) have one name, endings apart; leave one of them out")
      }
    }
    return paths
  }
}
