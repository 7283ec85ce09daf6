import Datasets
import Failures
import Foundation
import RecipeKit

/// A data set named by the user: by its path, by a recipe file, or by a kind such as glyphs.
public struct DataSource: Sendable {
  public let dataset: any Dataset
  /// Its type in recipes: idx, arrays.
  public let kind: String
  /// Recipe values that differ from the defaults, one line "key: value" each.
  public let settings: [String]

  private struct Section: Recipe {
    var data = Choice<DatasetRegistry>(GlyphDataset.Recipe())
    init() {}
  }

  /// - Parameters:
  ///   - source: a path, a recipe file or a kind; an existing file or folder takes precedence over a kind of the same name.
  ///   - set: overrides of what was recognised, such as `labels=labels.npy`; `type` selects another kind.
  /// - Throws: `SfumatoError`, `RecipeError`, `DatasetError`, and errors from opening the set.
  public init(_ source: String, set: [String] = []) throws {
    var section = Section()
    section.data = try Self.found(source, kind: set.last { $0.hasPrefix("type=") }.map { String($0.dropFirst(5)) })
    section = try section.overlaid(yaml: "", set: set.map { "data.\($0)" })
    kind = section.data.type
    settings = try Self.settings(section)
    dataset = try section.data.member.open()
    guard dataset.count > 0 else { throw SfumatoError(.data, "\(source): contains no pictures") }
  }

  /// - Parameter kind: the kind named by the user, in place of recognition.
  private static func found(_ source: String, kind: String?) throws -> Choice<DatasetRegistry> {
    let ending = (source as NSString).pathExtension.lowercased()
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
    if ["yaml", "yml"].contains(ending), !isFolder.boolValue { return try TrainRecipe(file: source, set: []).data }
    if !exists, let kind = try? Choice<DatasetRegistry>(named: source) { return kind }
    guard exists || source.contains("/") else {
      let hint = Suggestion.nearest(to: source, among: DatasetRegistry.names).map { "; did you mean '\($0)'?" } ?? ""
      let kinds = DatasetRegistry.names.joined(separator: ", ")
      throw SfumatoError(.missing, "there is no file or folder '\(source)', and no kind of data set (\(kinds)) of that name\(hint)")
    }
    if let kind { return Choice(try DatasetRecognition.recipe(ofKind: kind, at: source)) }
    return Choice(try DatasetRecognition.recipe(for: source))
  }

  /// The lines of the section that differ from its kind's defaults.
  private static func settings(_ section: Section) throws -> [String] {
    func lines(_ section: Section) -> [String] {
      section.yaml().split(separator: "\n").dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
    }
    var plain = Section()
    plain.data = try Choice(named: section.data.type)
    let defaults = Set(lines(plain))
    return lines(section).filter { !defaults.contains($0) }
  }
}
