import NN
import Networks
import Tensors

/// What a model's recipe says of its network.
public struct NetworkSummary: Codable, Sendable, Equatable {
  /// The word after `type:`.
  public var type: String
  /// Channels, height, width of the images.
  public var image: [Int]
  public var classNames: [String]
  /// Floating-point operations of a forward pass of one image, a multiplication and an addition counted as two.
  public var flopsPerImage: Double

  /// - Parameter recipe: the YAML that a model file carries.
  /// - Throws: `RecipeError` for a recipe that this version does not understand, `TorchFault` for a network that does not
  ///   take its images.
  public init(recipe: String) throws {
    let recipe = try ModelRecipe(yaml: recipe, file: "the recipe in the file")
    let data = recipe.data, classes = data.classNames.isEmpty ? nil : data.classNames.count + (data.nullClass == nil ? 0 : 1)
    let subject = BenchmarkSubject(
      name: recipe.network.type, network: recipe.network.member,
      facts: NetworkFacts(
        channels: data.channels, outputChannels: recipe.process.variance.outputChannels(images: data.channels), height: data.height,
        width: data.width, classRows: classes))
    type = recipe.network.type
    image = [data.channels, data.height, data.width]
    classNames = data.classNames
    flopsPerImage = try subject.count(batch: 1).operations.flops
  }
}

extension BenchmarkSubject {
  /// The network of a recipe, for images as its data have them.
  /// - Throws: what is wrong with the recipe or its data.
  public init(recipe path: String) throws {
    let recipe = try TrainRecipe(path: path)
    let model = try recipe.modelRecipe(for: recipe.data.member.open())
    let data = model.data, classes = data.classNames.isEmpty ? nil : data.classNames.count + (data.nullClass == nil ? 0 : 1)
    self.init(
      name: "\(model.network.type) of \(path)", network: model.network.member,
      facts: NetworkFacts(
        channels: data.channels, outputChannels: model.process.variance.outputChannels(images: data.channels), height: data.height,
        width: data.width, classRows: classes))
  }
}
