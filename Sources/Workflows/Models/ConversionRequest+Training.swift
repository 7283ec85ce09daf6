import Datasets
import Failures
import Interop
import Models
import RecipeKit

extension ConversionRequest {
  /// The request with the model that its recipe trains, where that is a recipe for training a restoration model, as `DLASImport` makes them:
  /// what such a model is follows from it without the pictures. Any other request is unchanged.
  /// - Throws: `RecipeError` for a recipe that is none; `DatasetError` for one that does not say the size of its images.
  public func resolvingTraining() throws -> Self {
    guard let recipe, try Set(RecipeSections.keys(ofFile: recipe)).isSuperset(of: ["training", "corruptions"]) else { return self }
    let training = try TrainRecipe(path: recipe, set: settings)
    guard training.corruptions != nil else { return self }
    var request = self
    request.model = try training.restoringRecipe(for: UnknownPictures())
    return request
  }
}

/// Pictures of which nothing is known but that there are some, without classes and in colour unless the recipe says otherwise.
private struct UnknownPictures: Dataset {
  let count = 1, classNames: [String] = [], shape: ImageShape? = nil, channels = 3

  subscript(index: Int) -> Picture { get throws { throw DatasetError("data", .noPictures) } }
}
