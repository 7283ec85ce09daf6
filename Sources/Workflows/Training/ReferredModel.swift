import Datasets
import Diffusion
import Failures
import Interop
import Models

/// A diffusion model that a training refers to, the one that a classifier is to guide or the teacher of a distillation: its process, images
/// and classes, from the recipe in its file.
struct ReferredModel {
  let recipe: ModelRecipe
  /// The model as the user named it.
  private let source: String
  /// The key of the training's recipe that names it.
  private let key: String

  /// - Parameters:
  ///   - model: a file, a run folder, a diffusers folder, or the name of a bundled model.
  ///   - key: the key of the training's recipe that names it, for messages.
  /// - Throws: `SfumatoError` when it does not exist or is a model of another kind; errors from reading it.
  init(_ model: String, key: String) throws {
    (source, self.key) = (model, key)
    let path = try ModelLocator.path(of: model)
    if DiffusersFolder.isOne(path) {
      recipe = try DiffusersFolder(path).recipe
    } else {
      let file = try ModelFile(path, expecting: .denoiser)
      recipe = try ModelRecipe(yaml: file.recipe, file: file.place)
    }
  }

  /// The images of a recipe, of the model's size and channels where the recipe does not say them.
  func images(_ images: ImagesRecipe) -> ImagesRecipe {
    var images = images
    images.size = images.size ?? ImageSize(height: recipe.data.height, width: recipe.data.width)
    images.channels = images.channels ?? recipe.data.channels
    return images
  }

  /// Checks that a classifier of these images and classes can guide the model.
  /// - Throws: `SfumatoError` for images of another shape, and for other classes.
  func check(_ data: DataSpec) throws {
    let own = recipe.data
    try checkImages(data)
    let names = own.realClasses.map { own.classNames[$0] }
    guard !names.isEmpty, Set(names) != Set(data.classNames) else { return }
    // A converted model knows its classes by number, in the order of its data.
    let isNumbered = names.allSatisfy { Int($0) != nil }
    guard names.count != data.classNames.count || !isNumbered else { return }
    throw otherClasses(names, data)
  }

  /// Checks that images, classes and context vectors of a training are those of the model, classes by the same numbers.
  /// - Throws: `SfumatoError` for what differs.
  func check(conditioningOf data: DataSpec) throws {
    let own = recipe.data
    try checkImages(data)
    guard own.contextSize == data.contextSize else {
      let phrase = { (size: Int?) in size.map { "context vectors of \($0) numbers" } ?? "no context vectors" }
      throw SfumatoError(
        .data, "\(key): \(source) has \(phrase(own.contextSize)), and the data have \(phrase(data.contextSize)); expected the same")
    }
    guard own.nullClass != 0 || own.classNames.isEmpty else {
      throw SfumatoError(.data, "\(key): class 0 of \(source) is the null class; expected a model whose null class comes after the others")
    }
    let names = own.realClasses.map { own.classNames[$0] }, isNumbered = names.allSatisfy { Int($0) != nil }
    guard names.isEmpty || names == data.classNames || isNumbered && names.count == data.classNames.count else {
      throw otherClasses(names, data)
    }
  }

  private func checkImages(_ data: DataSpec) throws {
    let own = recipe.data
    guard (data.height, data.width, data.channels) == (own.height, own.width, own.channels) else {
      throw SfumatoError(
        .data,
        "\(key): \(source) makes images of \(own.height) x \(own.width) x \(own.channels), and the recipe asks for \(data.height) x "
          + "\(data.width) x \(data.channels); leave images.size and images.channels out, which then are the model's")
    }
  }

  private func otherClasses(_ names: [String], _ data: DataSpec) -> SfumatoError {
    SfumatoError(
      .data,
      "\(key): \(source) has \(Self.phrase(names)), and the data have \(Self.phrase(data.classNames)); expected data of the same classes")
  }

  private static func phrase(_ names: [String]) -> String {
    "\(names.count) classes (\(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : ""))"
  }
}
