import Datasets
import Diffusion
import Networks
import RecipeKit
import Training

/// Everything that decides a training: the whole of a recipe file.
public struct TrainRecipe: Recipe {
  public var data = Choice<DatasetRegistry>(GlyphDataset.Recipe())
  public var network = Choice<NetworkRegistry>(ADMUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public var training = TrainingRecipe()
  public init() {}
}

/// How a model samples unless it is told otherwise.
public struct SamplingRecipe: Recipe {
  public var steps = 20
  /// Which steps of the process are visited: trailing, leading, linspace, ddim50, 10,15,20 …
  public var spacing = Spacing.trailing
  /// guided = null + scale (conditional - null): 1 is no guidance.
  public var guidanceScale = 1.0
  /// Keeps every estimate of the clean images in [-1, 1].
  public var clip = true
  public init() {}

  public func validate() throws(RecipeError) {
    try require(steps > 0, "steps", "expected 1 or more, found \(steps)")
    try require(guidanceScale >= 0 && guidanceScale.isFinite, "guidance_scale", "expected 0 or more, found \(guidanceScale)")
  }
}

/// What a model file says of itself: enough to sample from it without a flag.
public struct ModelRecipe: Recipe {
  public var data = DataFacts()
  public var network = Choice<NetworkRegistry>(ADMUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}
}

/// What a model must know of the data that it was trained on.
public struct DataFacts: Recipe, Equatable {
  public var channels = 3, height = 64, width = 64
  /// The classes' names, in the order of their numbers; empty without classes.
  public var classNames: [String] = []
  /// The class number that stands for "no class"; nil when the model was not trained to do without.
  public var nullClass: Int? = nil
  public init() {}

  public func validate() throws(RecipeError) {
    for (key, value) in [("channels", channels), ("height", height), ("width", width)] {
      try require((1...65536).contains(value), key, "expected 1 to 65536, found \(value)")
    }
  }
}

extension TrainRecipe {
  /// The recipe of the model that training on `dataset` gives: what was left open is filled in.
  func modelRecipe(for dataset: any Dataset) throws -> ModelRecipe {
    var model = ModelRecipe()
    let classes = dataset.classNames.count
    let guided = classes > 0 && training.classDropout > 0
    model.data.channels = dataset.shape.channels
    model.data.height = dataset.shape.height
    model.data.width = dataset.shape.width
    model.data.classNames = dataset.classNames
    model.data.nullClass = guided ? classes : nil
    var network = self.network.member
    network.adapt(
      to: NetworkFacts(
        channels: dataset.shape.channels, outputChannels: process.variance.outputChannels(images: dataset.shape.channels),
        height: dataset.shape.height, width: dataset.shape.width, classRows: classes > 0 ? classes + (guided ? 1 : 0) : nil))
    try network.validate()
    model.network = Choice(network)
    model.process = process
    model.sampler = sampler
    model.sampling = sampling
    return model
  }
}
