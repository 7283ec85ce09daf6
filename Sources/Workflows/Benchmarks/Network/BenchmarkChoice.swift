import Checkpoints
import Failures
import Foundation
import Interop
import Models
import Networks

extension BenchmarkSubject {
  /// The network of a training recipe, sized for its data, or of a model.
  /// - Parameter source: a `.yaml` file, a model file, a run folder, a diffusers folder, or the name of a bundled model.
  /// - Throws: errors of the recipe, its data or the model.
  public init(_ source: String) throws {
    let recipe = try source.hasSuffix(".yaml") || source.hasSuffix(".yml") ? Self.trained(by: source) : Self.stored(in: source)
    self.init(recipe, name: "\(recipe.network.type) of \(source)")
  }

  init(_ recipe: ModelRecipe, name: String) {
    let data = recipe.data
    self.init(
      name: name, network: recipe.network.member,
      facts: data.networkInputSpec(recipe.process.variance))
  }

  private static func trained(by path: String) throws -> ModelRecipe {
    let recipe = try TrainRecipe(path: path)
    return try recipe.modelRecipe(for: recipe.data.member.open())
  }

  private static func stored(in model: String) throws -> ModelRecipe {
    let path = try ModelLocator.path(of: model)
    if DiffusersFolder.isOne(path) { return try DiffusersFolder(path).recipe }
    guard let yaml = try Safetensors.header(of: path).metadata[Model.recipeKey] else {
      throw SfumatoError(.data, "\(path) is not a Sfumato model: it contains no recipe; 'sfumato inspect \(path)' describes its contents")
    }
    let place = "the recipe in \(path)", kind = try ModelKind(ofRecipe: yaml, file: place)
    guard kind == .denoiser else { throw SfumatoError(.data, "\(path) is \(kind.problem(expecting: .denoiser))") }
    return try ModelRecipe(yaml: yaml, file: place)
  }
}
