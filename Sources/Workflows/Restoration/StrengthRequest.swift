import Failures
import Foundation
import Imaging
import Models
import RecipeKit

/// How degraded a picture is held to be, as a user says it: `auto`, or `jpeg=.2,blur=.5`, or both.
public struct StrengthRequest: Sendable, Equatable {
  /// Whether the strength of JPEG is read from the file where it is not named.
  public private(set) var isAutomatic = false
  /// Names as they were given, with strengths from 0 to 1.
  public private(set) var named: [String: Double] = [:]

  /// - Throws: `SfumatoError` for what is neither `auto` nor NAME=STRENGTH.
  public init(_ text: String = "auto") throws {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      if part == "auto" {
        isAutomatic = true
        continue
      }
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[0].isEmpty, let value = Double(sides[1]), (0...1).contains(value) else {
        throw SfumatoError(
          .usage, "'\(part)' is no corruption; expected auto or NAME=STRENGTH with a strength from 0 to 1, such as jpeg=.2")
      }
      guard named.updateValue(value, forKey: String(sides[0])) == nil else {
        throw SfumatoError(.usage, "the corruption \(sides[0]) is named twice")
      }
    }
  }
}

/// The strengths of a request, in the order of a model's.
struct StrengthChoice: Sendable {
  /// What restoring models call the factor by which a picture was reduced before; see `Reduction`.
  static let reduction = "reduction"
  static let jpeg = "jpeg"

  let names: [String]
  private let values: [Int: Double]
  private let scales: StrengthScales
  private let isAutomatic: Bool

  /// - Parameters:
  ///   - names: the model's.
  ///   - scales: what its strengths mean.
  ///   - scale: how much pictures are enlarged.
  /// - Throws: `SfumatoError` for names that the model does not have, or has several of.
  init(_ request: StrengthRequest, names: [String], scales: StrengthScales = StrengthScales(), scale: Double) throws {
    var values: [Int: Double] = [:]
    for (name, value) in request.named.sorted(by: { $0.key < $1.key }) {
      let index = try Self.index(of: name, in: names)
      guard names[index] != Self.reduction || scale == 1 else {
        throw SfumatoError(.usage, "the strength \(Self.reduction) follows from the scale \(scale); leave it out")
      }
      guard values.updateValue(value, forKey: index) == nil else {
        throw SfumatoError(.usage, "the corruption \(names[index]) is named twice")
      }
    }
    (self.names, self.values, self.scales, isAutomatic) = (names, values, scales, request.isAutomatic)
  }

  /// Finds a strength by its name, or by a word of it that no other has: `blur` for `gaussian_blur`.
  private static func index(of name: String, in names: [String]) throws -> Int {
    if let index = names.firstIndex(of: name) { return index }
    let found = names.indices.filter { names[$0].split(separator: "_").contains { $0 == name } }
    if found.count == 1 { return found[0] }
    let known = names.isEmpty ? "it has none" : "its strengths are \(names.joined(separator: ", "))"
    guard found.isEmpty else {
      throw SfumatoError(.usage, "'\(name)' may be \(found.map { names[$0] }.joined(separator: " or ")); write the whole name")
    }
    let hint = Suggestion.nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
    throw SfumatoError(.usage, "the model knows no corruption '\(name)'; \(known)\(hint)")
  }

  /// The strengths of a picture in a first pass, without that of the reduction.
  /// - Parameter jpegQuality: of a JPEG file, else nil.
  func strengths(jpegQuality: Int?) -> [Double] {
    names.indices.map { index in
      if let value = values[index] { return value }
      guard isAutomatic, names[index] == Self.jpeg, let jpegQuality else { return 0 }
      return scales.strength(ofQuality: jpegQuality)
    }
  }
}
