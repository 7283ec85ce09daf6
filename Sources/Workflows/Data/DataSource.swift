import Datasets
import Failures
import Foundation
import RecipeKit

/// A data set as a user names it: by the path of what it lies in, by a recipe file, or by the name of a kind such as glyphs.
public struct DataSource: Sendable {
  public let dataset: any Dataset
  /// The recipe's word for its kind: idx, arrays.
  public let kind: String
  /// What of the recipe is not the kind's default, a line "key: value" each.
  public let settings: [String]

  private struct Section: Recipe {
    var data = Choice<DatasetRegistry>(GlyphDataset.Recipe())
    init() {}
  }

  /// - Parameters:
  ///   - source: a file or folder of that name goes before a kind of data set.
  ///   - set: values laid over what was recognised, `labels=labels.npy`; `type` picks another kind.
  /// - Throws: `SfumatoError`, `RecipeError`, `DatasetError`, and what opening the set throws.
  public init(_ source: String, set: [String] = []) throws {
    var section = Section()
    section.data = try Self.found(source, kind: set.last { $0.hasPrefix("type=") }.map { String($0.dropFirst(5)) })
    section = try section.overlaid(yaml: "", set: set.map { "data.\($0)" })
    kind = section.data.type
    settings = try Self.settings(section)
    dataset = try section.data.member.open()
    guard dataset.count > 0 else { throw SfumatoError(.data, "\(source): holds no pictures") }
  }

  /// - Parameter kind: what the user says that it is, whatever lies there.
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

  /// The lines of the section that its kind's defaults do not have.
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
