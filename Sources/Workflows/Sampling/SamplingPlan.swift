import Diffusion
import Failures
import Models
import Networks
import RecipeKit
import Tensors
import Training

/// A request resolved for a model before anything is computed: noise levels, start, conditions, denoiser. All validation happens
/// here.
public final class SamplingPlan {
  public let request: SamplingRequest
  public let model: Model
  public let settings: SamplerSettings
  /// Steps per candidate of a batch.
  public let stepCount: Int
  /// Step numbers kept for an animation or a sheet, ascending; 0 is the start.
  public let tracedMoments: [Int]

  let device: Device
  let start: SamplingStart
  let classifier: SamplingClassifier?
  let denoiser: SamplingDenoiser

  /// The part of a recipe that describes sampling.
  public struct SamplerSettings: Recipe {
    public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
    public var sampling = SamplingRecipe()
    public init() {}

    public init(of model: some DiffusionModelRecipe) {
      (sampler, sampling) = (model.sampler, model.sampling)
    }
  }

  /// - Throws: `SfumatoError` for an invalid request, and on the CPU for a batch that does not fit into memory; errors from reading the
  ///   model.
  public convenience init(_ request: SamplingRequest) throws { try self.init(request, model: Model(sampling: request)) }

  static func checkMemory(_ request: SamplingRequest, _ recipe: ModelRecipe) throws {
    var recipe = recipe
    recipe.sampling = try settle(request, recipe, recipe.process.makeDiffusion().process).0.sampling
    try SamplingMemory.check(
      recipe, images: min(request.batchSize, request.count), request.precision, available: AvailableMemory.bytes)
  }

  /// - Parameter model: a model on the request's device, used in place of the one that the request names.
  public init(_ request: SamplingRequest, model: Model) throws {
    try request.checkCounts()
    (self.request, self.model, device) = (request, model, try request.device.validated())
    let recipe = model.recipe, diffusion = try recipe.process.makeDiffusion()
    let (settings, levels) = try Self.settle(request, recipe, diffusion.process)
    self.settings = settings
    let conditions = try SamplingConditions(request, recipe.data, model.network.textEncoder, on: device)
    let weaker = try request.autoguidance.map { [device] in try WeakerModel($0, than: recipe, settings.sampling, on: device) }
    if weaker == nil { try conditions.check(guidance: settings.sampling.guidanceScale, of: request) }
    classifier = try SamplingClassifier(request, recipe, labels: conditions.labels, on: device)
    start = try SamplingStart(request, levels, settings.sampling, recipe.data, on: device)
    let steps = start.path.count - 1
    stepCount = steps
    tracedMoments = try request.tracedCount > 0 ? Set(request.tracedMoments.flatMap { try $0.moments(of: steps) }).sorted() : []
    try Self.check(settings, on: start.path, request, diffusion)
    denoiser = SamplingDenoiser(
      network: try model.network.prepared(for: request.precision.dtype),
      weaker: try weaker?.model.network.prepared(for: request.precision.dtype), recipe: recipe, diffusion: diffusion,
      sampling: settings.sampling, conditions: conditions,
      weakerConditions: try weaker.map { [device] in
        try SamplingConditions(request, $0.model.recipe.data, $0.model.network.textEncoder, on: device)
      })
  }

  /// The class number that the network gets for each image; nil for no class.
  public var labels: [Int?] { denoiser.conditions.labels }
  /// The number of context vectors that images take in turn; nil without.
  public var contextCount: Int? { denoiser.conditions.vectors?.size(0) }

  /// The texts that images take in turn; nil without.
  public var texts: [String]? { denoiser.conditions.texts }

  /// The class number of each image: the network's or, for a network without classes, the classifier's target.
  var classes: [Int?] {
    guard let classifier, labels.allSatisfy({ $0 == nil }) else { return labels }
    return classifier.targets
  }

  /// What an image was asked to show in words: the name of its class, or its text; empty for neither.
  func words(of index: Int) -> String {
    if let texts { return texts[index % texts.count] }
    return classes[index].map(className) ?? ""
  }

  /// The name of one of `classes`.
  func className(_ label: Int) -> String {
    let own = model.recipe.data.classNames, names = own.isEmpty ? classifier?.classNames ?? [] : own
    return names.indices.contains(label) ? names[label] : String(label)
  }
}

// MARK: Settings and levels

extension SamplingPlan {
  /// The model's settings overridden by the request's, and the resulting noise levels.
  static func settle(
    _ request: SamplingRequest, _ recipe: ModelRecipe, _ process: DiscreteProcess
  ) throws -> (SamplerSettings, [NoiseLevel]) {
    do {
      let settings = try request.overriding(SamplerSettings(of: recipe))
      return (settings, try settings.sampling.levels(of: process, stepsAreAsked: request.steps != nil || request.sets("sampling.steps")))
    } catch let error as RecipeError {
      // A flag such as --steps is a setting that nobody typed.
      let setting = error.place.map { place in request.settings.first { place == "--set \($0)" } ?? place }
      throw SfumatoError(.usage, [setting, error.message].compactMap { $0 }.joined(separator: ": "))
    } catch let error as DiffusionError where request.overridesModel {
      throw SfumatoError(.usage, "\(error)")
    }
  }

  /// Checks that the network can be evaluated along the path.
  private static func check(
    _ settings: SamplerSettings, on path: [NoiseLevel], _ request: SamplingRequest, _ diffusion: GaussianDiffusion
  ) throws {
    guard let problem = diffusion.problem(with: settings.sampler.member, on: path, window: settings.sampling.window) else { return }
    throw SfumatoError(request.overridesModel ? .usage : .data, "\(problem)")
  }
}

extension SamplingRequest {
  fileprivate func checkCounts() throws {
    guard (1...10_000_000).contains(count) else { throw SfumatoError(.usage, "the count must be 1 to 10000000, not \(count)") }
    guard batchSize > 0 else { throw SfumatoError(.usage, "the batch must be 1 or more, not \(batchSize)") }
    guard (1...1000).contains(candidates) else {
      throw SfumatoError(.usage, "the number of candidates must be 1 to 1000, not \(candidates)")
    }
  }

  /// - Throws: `RecipeError` for invalid values.
  fileprivate func overriding(_ model: SamplingPlan.SamplerSettings) throws(RecipeError) -> SamplingPlan.SamplerSettings {
    var settings = model
    if let sampler { settings.sampler = Choice(sampler) }
    if let spacing { settings.sampling.spacing = spacing }
    if let steps { settings.sampling.steps = steps }
    if let guidanceScale { settings.sampling.guidanceScale = guidanceScale }
    settings = try settings.overlaid(yaml: "", set: self.settings + typedSettings)
    do { try settings.sampling.validate() } catch {
      throw RecipeError(place: error.place, path: "", "sampling.\(error.path): \(error.message)")
    }
    return settings
  }

  var overridesModel: Bool {
    sampler != nil || spacing != nil || steps != nil || guidanceScale != nil || !(settings + typedSettings).isEmpty
  }

  /// Whether the settings set this key.
  func sets(_ key: String) -> Bool { (settings + typedSettings).contains { $0.hasPrefix("\(key)=") } }
}

extension Model {
  /// The model that a request names, where its batch fits into memory.
  /// - Throws: as `SamplingPlan`.
  convenience init(sampling request: SamplingRequest) throws {
    try Torch.start()
    try request.checkCounts()
    try self.init(request.model, on: request.device.validated())
    if request.device == .cpu { try SamplingPlan.checkMemory(request, recipe) }
  }
}
