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
    self = try Self.isRecipe(source) ? Self.trained(by: source) : Self.stored(in: source)
  }

  /// The same for a recipe whose data are not at hand: sized by its `images` section, without classes.
  /// - Throws: errors of the recipe or the model; those of the data where `images` does not say the size and the channels.
  init(shipped source: String) throws {
    guard Self.isRecipe(source) else {
      self = try Self.stored(in: source)
      return
    }
    do { self = try Self.trained(by: source) } catch {
      let recipe = try TrainRecipe(path: source)
      guard recipe.classifier == nil, let size = recipe.images.size, let channels = recipe.images.channels else { throw error }
      var data = DataSpec()
      (data.channels, data.height, data.width) = (channels, size.height, size.width)
      self.init(recipe, data, source)
    }
  }

  private static func isRecipe(_ source: String) -> Bool { source.hasSuffix(".yaml") || source.hasSuffix(".yml") }

  private init(_ network: any NetworkRecipe, _ recipe: some DiffusionModelRecipe, corruptions: Int? = nil, _ source: String) {
    var facts = recipe.data.networkInputSpec(recipe.process.variance)
    facts.corruptions = corruptions
    self.init(name: "\(type(of: network).name) of \(source)", network: network, facts: facts)
  }

  private init(_ recipe: TrainRecipe, _ data: DataSpec, _ source: String) {
    var facts = data.networkInputSpec(recipe.process.variance)
    facts.corruptions = recipe.corruptions?.strengthCount
    facts.augmentationLabels = recipe.augmentation.isOn ? recipe.augmentation.labelCount : nil
    let network = recipe.network.member
    self.init(name: "\(type(of: network).name) of \(source)", network: network, facts: facts)
  }

  private static func trained(by path: String) throws -> BenchmarkSubject {
    let recipe = try TrainRecipe(file: path, set: [])
    return BenchmarkSubject(recipe, try recipe.diffusionModel(for: recipe.data.member.open()).data, path)
  }

  private static func stored(in model: String) throws -> BenchmarkSubject {
    let path = try ModelLocator.path(of: model)
    if DiffusersFolder.isOne(path) {
      let recipe = try DiffusersFolder(path).recipe
      return BenchmarkSubject(recipe.network.member, recipe, model)
    }
    guard let yaml = try Safetensors.header(of: path).metadata[Model.recipeKey] else {
      throw SfumatoError(
        .data, "\(path) is not a Sfumato model: it contains no recipe; '\(ShellCommand("sfumato", "inspect", path))' describes its contents"
      )
    }
    let place = "the recipe in \(path)", kind = try ModelKind(ofRecipe: yaml, file: place)
    switch kind {
    case .denoiser:
      let recipe = try ModelRecipe(yaml: yaml, file: place)
      return BenchmarkSubject(recipe.network.member, recipe, model)
    case .superResolution:
      let recipe = try SuperResolutionModelRecipe(yaml: yaml, file: place).adapted()
      return BenchmarkSubject(recipe.superResolution.member, recipe, corruptions: recipe.restoration?.corruptionNames.count, model)
    case .classifier, .upscaler: throw SfumatoError(.data, "\(path) is \(kind.problem(expecting: .denoiser))")
    }
  }
}
