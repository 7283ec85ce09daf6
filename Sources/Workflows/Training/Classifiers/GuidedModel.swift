import Datasets
import Diffusion
import Failures
import Interop
import Models

/// The diffusion model that a classifier is trained to guide: its process, images and classes, from the recipe in its file.
struct GuidedModel {
  let recipe: ModelRecipe
  /// The model as the user named it.
  private let source: String

  /// - Parameter model: a file, a run folder, a diffusers folder, or the name of a bundled model.
  /// - Throws: `SfumatoError` when it does not exist or is a model of another kind; errors from reading it.
  init(_ model: String) throws {
    source = model
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
    guard (data.height, data.width, data.channels) == (own.height, own.width, own.channels) else {
      throw SfumatoError(
        .data,
        "guides: \(source) makes images of \(own.height) x \(own.width) x \(own.channels), and the recipe asks for \(data.height) x "
          + "\(data.width) x \(data.channels); leave images.size and images.channels out, which then are the model's")
    }
    let names = own.realClasses.map { own.classNames[$0] }
    guard !names.isEmpty, Set(names) != Set(data.classNames) else { return }
    // A converted model knows its classes by number, in the order of its data.
    let isNumbered = names.allSatisfy { Int($0) != nil }
    guard names.count != data.classNames.count || !isNumbered else { return }
    throw SfumatoError(
      .data,
      "guides: \(source) has \(Self.phrase(names)), and the data have \(Self.phrase(data.classNames)); expected data of the same classes")
  }

  private static func phrase(_ names: [String]) -> String {
    "\(names.count) classes (\(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : ""))"
  }
}
