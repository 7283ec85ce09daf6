import Failures
import Models
import NN
import RecipeKit

/// A published checkpoint and its recipe. The recipe is made from the flags that were published with the file, in the publisher's
/// words.
public struct Preset: Sendable {
  /// The programs that the files are of.
  public enum System: String, Sendable, CaseIterable {
    case guidedDiffusion = "guided-diffusion", improvedDiffusion = "improved-diffusion", niceDiffusion = "nice-diffusion"
    case dit = "DiT"
  }

  /// The number of parameters that the publisher states.
  public struct Size: Sendable, Equatable {
    public let parameters: Int
    /// How far the true count may differ: published numbers are rounded, some of them coarsely.
    public let tolerance: Int
    public let source: String
  }

  /// The name for `--preset`.
  public let name: String
  /// The published file.
  public let file: String
  public let system: System
  /// The flags of the network and the process, as published.
  public let flags: String
  /// Steps that the publisher samples with.
  public let steps: Int
  public let size: Size
  /// What a user should know.
  public let note: String?

  /// Every preset, in the order of the publishers' lists.
  public static let all = guidedDiffusion + classifiers + improvedDiffusion + niceDiffusion + dit

  /// - Throws: `SfumatoError` with the nearest name.
  public init(named name: String) throws {
    guard let preset = Self.all.first(where: { $0.name == name }) else {
      throw SfumatoError(.usage, "there is no preset '\(name)'; \(Suggestion.phrase(for: name, among: Self.all.map(\.name)))")
    }
    self = preset
  }

  init(
    _ name: String, _ file: String, _ system: System, _ flags: String, steps: Int, _ size: Size, note: String? = nil
  ) {
    (self.name, self.file, self.system, self.flags) = (name, file, system, flags)
    (self.steps, self.size, self.note) = (steps, size, note)
  }

  /// The recipe of the model.
  /// - Throws: for flags that contradict each other; none of `all` does.
  public func makeRecipe() throws -> any ModelDescription {
    let flags = try PublishedFlags(self.flags, of: system)
    switch system {
    case .niceDiffusion: return try flags.niceModel(steps: steps)
    case .dit: return try flags.transformer(steps: steps)
    case .guidedDiffusion, .improvedDiffusion:
      if flags.isGiven("classifier_depth") { return try flags.classifier() }
      return try flags.isGiven("large_size") ? flags.superResolution(steps: steps) : flags.denoiser(steps: steps)
    }
  }
}
