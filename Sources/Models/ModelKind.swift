import RecipeKit

/// What the network of a model file is for. The recipe's section that describes the network decides.
public enum ModelKind: String, Codable, Sendable, CaseIterable {
  /// Makes images from noise.
  case denoiser
  /// Classifies noisy images, and so guides a denoiser.
  case classifier
  /// Makes an image from noise and a degraded or small one.
  case superResolution = "super_resolution"
  /// Enlarges images in one pass.
  case upscaler

  /// The section of the recipe.
  public var section: String {
    switch self {
    case .denoiser: "network"
    case .classifier, .superResolution, .upscaler: rawValue
    }
  }

  /// A noun for messages.
  public var phrase: String {
    switch self {
    case .denoiser: "a diffusion model"
    case .classifier: "a classifier of noisy images"
    case .superResolution: "a diffusion model that restores or enlarges pictures"
    case .upscaler: "an upscaler"
    }
  }

  /// The problem with a file of this kind where another is expected, for messages.
  package func problem(expecting kind: ModelKind) -> String {
    // Both are diffusion models.
    guard (self, kind) == (.superResolution, .denoiser) else { return "\(phrase); expected \(kind.phrase)" }
    return "\(phrase), and needs one to start from: use 'sfumato restore'; expected a model that samples from noise alone"
  }

  /// The kind that a recipe describes; a denoiser where no section says otherwise.
  /// - Throws: `RecipeError` for YAML that cannot be read.
  package init(ofRecipe yaml: String, file: String) throws(RecipeError) {
    self.init(sections: try RecipeSections.keys(ofYAML: yaml, file: file))
  }

  package init(sections: [String]) {
    self = Self.allCases.first { $0 != .denoiser && sections.contains($0.section) } ?? .denoiser
  }
}
