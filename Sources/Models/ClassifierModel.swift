import Diffusion
import Failures
import Networks
import Tensors

/// A trained classifier of noisy images with the recipe that it carries: what `sfumato sample --classifier` reads.
///
///     let classifier = try ClassifierModel(file: "classifier.safetensors")
///     try classifier.checkGuiding(model.recipe)
///     let labels = try classifier.labels(modelLabels, of: model.recipe.data)
///     denoiser.clipped().guided(by: classifier.logProbability(of: labels), scale: 1)
///
/// It computes in float32, since guidance takes its gradient. Not Sendable: a network belongs to the thread that computes with it.
public final class ClassifierModel {
  public let recipe: ClassifierModelRecipe
  public let provenance: Provenance
  public let network: any NoisyClassifier
  /// Where it was read from, for messages.
  let name: String

  public init(recipe: ClassifierModelRecipe, provenance: Provenance, network: any NoisyClassifier, name: String = "the classifier") {
    self.recipe = recipe
    self.provenance = provenance
    self.network = network
    self.name = name
  }

  /// - Parameter path: the model file.
  /// - Throws: `SfumatoError` for a file of another kind, which it names; what reading the file throws.
  public convenience init(file path: String, on device: Device = .cpu) throws {
    let file = try ModelFile(path, expecting: .classifier)
    let recipe = try ClassifierModelRecipe(yaml: file.recipe, file: file.place)
    let network = try recipe.classifier.member.makeClassifier(using: .shapes)
    try recipe.tryOut()
    try file.fill(network, recipe, on: device)
    self.init(recipe: recipe, provenance: file.provenance, network: network, name: file.path)
  }

  // MARK: Predictions

  /// log p(y | x) of noisy images for the classes asked for, as guidance takes it: differentiable with respect to x.
  /// - Parameter labels: the class of each image of the batch, among the classifier's own; see `labels(_:of:)`.
  /// - Returns: a closure from images `[N, C, H, W]` and the denoiser's timesteps `[N]` to `[N]` float32; for a batch of another size,
  ///   to a fault.
  public func logProbability(of labels: [Int]) -> LogProbability {
    { [network] x, timesteps in
      guard x.size(0) == labels.count || x.fault != nil else {
        return x.failed("classifier", "asked for the classes of \(labels.count) images, found a batch of \(x.size(0))")
      }
      let columns = Tensor(labels, [labels.count, 1]).to(x.device)
      return network(x, timesteps: timesteps, mode: .inference).logSoftmax(1).gather(1, columns).squeeze(1)
    }
  }

  /// log p(y | x) of every class for clean images, at timestep 0, the least noise of the classifier's training.
  /// - Parameter images: `[N, C, H, W]` in [-1, 1].
  /// - Returns: `[N, classes]` float32, without a gradient.
  public func logProbabilities(ofClean images: Tensor) -> Tensor {
    withoutGradient {
      network(images, timesteps: .zeros([images.size(0)], on: images.device), mode: .inference).logSoftmax(1)
    }
  }

  // MARK: Guidance

  /// Refuses a model that the classifier cannot guide.
  /// - Throws: `SfumatoError` for images that it does not take, for classes that differ from its own, for a classifier of clean
  ///   images, and for a process whose timesteps have other noise levels than in the classifier's training.
  public func checkGuiding(_ model: ModelRecipe) throws {
    try checkJudging(model)
    guard !recipe.cleanImages else {
      throw SfumatoError(
        .data,
        "\(name) cannot guide this model: it was trained on images without noise; expected a classifier whose recipe has 'guides: MODEL'")
    }
    try checkNoise(model.process.makeDiffusion().process)
  }

  /// Refuses a model whose finished images the classifier cannot judge.
  /// - Throws: `SfumatoError` for images that it does not take, and for classes that differ from its own.
  public func checkJudging(_ model: ModelRecipe) throws {
    do { try recipe.tryOut(on: model.data) } catch let error as SfumatoError {
      throw SfumatoError(.data, "\(name) cannot guide this model: \(error.description)")
    }
    let own = recipe.data.classNames.count, others = model.data.realClasses.count
    guard others == 0 || others == own else {
      throw SfumatoError(.data, "\(name) cannot guide this model: it has \(own) classes, and the model has \(others)")
    }
  }

  /// The classifier's numbers of a model's classes: those of the same names or, where the names differ, of the same places.
  /// - Parameters:
  ///   - labels: the model's class numbers.
  ///   - data: the model's.
  /// - Throws: `SfumatoError` for the null class and for a class that the classifier does not know.
  public func labels(_ labels: [Int], of data: DataSpec) throws -> [Int] {
    let real = data.realClasses, names = recipe.data.classNames
    let isNamedAlike = Set(real.map { data.classNames[$0] }) == Set(names)
    return try labels.map { label in
      let place = isNamedAlike ? names.firstIndex(of: data.classNames[label]) : real.firstIndex(of: label)
      guard let place, names.indices.contains(place) else {
        throw SfumatoError(.usage, "\(name) cannot guide towards class number \(label): it has no such class; name another")
      }
      return place
    }
  }

  /// Class names or numbers, as the classifier's numbers: for a model without classes.
  /// - Throws: `SfumatoError` that names the classes there are.
  public func classNumbers(_ names: [String]) throws -> [Int] { try recipe.data.classNumbers(names) }

  /// How far the two timesteps of one noise level may lie apart, of 1000.
  private static let tolerance = 10.0

  /// At every noise level of the model the classifier's own timestep must be near the one that the model gives it.
  private func checkNoise(_ process: DiscreteProcess) throws {
    let training = try recipe.process.makeProcess(), scale = training.noiseLevelRange
    for t in 0..<process.steps {
      let level = process.level(t)
      guard level.alpha > 0, scale.range.contains(level.lambda) else { continue }
      let own = scale.level(lambda: level.lambda).timestep
      let longest = max(training.level(training.steps - 1).timestep, 1)
      guard abs(own - level.timestep) <= max(1, longest * Self.tolerance / 1000) else {
        throw SfumatoError(
          .data,
          "\(name) cannot guide this model: it was trained with another process. At timestep \(Int(level.timestep)) of the "
            + "model it expects the noise of its own timestep \(Int(own)); see 'process' in both recipes")
      }
    }
  }
}
