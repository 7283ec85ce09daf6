import Failures
import Foundation

/// How the results in a folder are named.
struct ResultNames {
  /// The pattern of names, with `{stem}`, the picture's name without its ending, `{ext}`, the ending of the result, and `{scale}`.
  var pattern = "{stem}.{ext}"
  /// Endings that results keep; any other becomes `png`.
  var keptEndings: Set<String> = ["png", "jpg", "jpeg", "webp"]
  /// The ending of every result, in place of those.
  var ending: String?
  /// What stands for `{scale}`.
  var scale = "1"

  /// The fields allowed in braces.
  static let fields = ["stem", "ext", "scale"]

  /// - Throws: `SfumatoError` for an unknown field, and for a pattern that names folders.
  func check() throws {
    guard !pattern.isEmpty, !pattern.contains("/") else {
      throw SfumatoError(.usage, "the pattern '\(pattern)' is not the name of a file; expected one such as {stem}-restored.{ext}")
    }
    let rest = pattern.filling(Dictionary(uniqueKeysWithValues: Self.fields.map { ($0, "") }))
    guard !rest.contains("{"), !rest.contains("}") else {
      throw SfumatoError(.usage, "the pattern '\(pattern)' has an unknown field; expected {stem}, {ext} and {scale}")
    }
    let ending = (pattern as NSString).pathExtension.lowercased()
    guard self.ending == nil || ending == "{ext}" || ending == self.ending else {
      throw SfumatoError(.usage, "the pattern '\(pattern)' and the format \(self.ending ?? "") name different endings; give one of them")
    }
  }

  /// Whether a picture's result has the picture's own ending.
  func keepsEnding(of source: String) -> Bool {
    let own = (source as NSString).pathExtension.lowercased()
    return ending.map { $0 == own } ?? keptEndings.contains(own)
  }

  /// - Parameter whole: the picture's ending counts as a part of its stem: `anim.gif.png`.
  func name(for source: String, whole: Bool = false) -> String {
    let name = (source as NSString).lastPathComponent
    let stem = whole ? name : (name as NSString).deletingPathExtension
    let own = (name as NSString).pathExtension
    let result = ending ?? (keptEndings.contains(own.lowercased()) ? own : "png")
    return pattern.filling(["stem": stem, "ext": result, "scale": scale])
  }
}
