import Datasets
import Foundation
import Imaging
import NN
import Tensors

@testable import Training

/// Grey images of 2 x 2 pixels, each of one byte of its own, in two classes.
struct GreyImages: Dataset {
  var count = 10
  var classNames = ["even", "odd"]
  let shape: ImageShape? = ImageShape(height: 2, width: 2, channels: 1)
  let channels = 1

  subscript(index: Int) -> Picture {
    Picture(
      .pixels(Image(width: 2, height: 2, channels: 1, bytes: Array(repeating: UInt8(20 * index), count: 4))),
      label: classNames.isEmpty ? nil : index % 2, name: "image \(index)")
  }
}

/// Four numbers, learned.
final class Numbers: Module {
  let weight: Parameter
  init(_ values: [Float] = [2, -1, 0.5, 3]) { weight = Parameter(Tensor(values)) }

  var floats: [Float] { get throws { try weight.value.detach().floats() } }
}

/// A weight and a bias of the same values.
final class Pair: Module {
  let weight = Parameter(Tensor.full(4, [2, 2]))
  let bias = Parameter(Tensor.full(4, [2]))
}

/// A trainer of `Numbers` whose loss is the mean that a closure returns.
func makeTrainer(
  _ numbers: Numbers, _ change: (inout TrainingRecipe) -> Void = { _ in },
  loss: @escaping (_ batch: Batch, _ seed: Seed, _ step: Int) throws -> Tensor
) -> Trainer {
  var recipe = TrainingRecipe()
  recipe.batchSize = 4
  recipe.warmupImages = 0
  recipe.learningRate = 0.01
  change(&recipe)
  return Trainer(numbers, loader: makeLoader(recipe.batchSize), recipe: recipe, on: .cpu) { StepLoss(try loss($0, $1, $2).mean()) }
}

/// A loader of images as they are, by the training's own thread by default.
func makeLoader(
  _ batchSize: Int = 4, seed: UInt64 = 1, of dataset: any Dataset = GreyImages(), _ change: (inout LoadingRecipe) -> Void = { _ in }
) -> BatchLoader {
  var recipe = LoadingRecipe()
  recipe.workers = 0
  change(&recipe)
  let data = try! TrainingData(ExamplePipeline(dataset, seed: seed), holdOut: recipe.validation, seed: seed)
  return BatchLoader(data, batchSize: batchSize, recipe)
}

extension StateDict {
  /// Every byte of it.
  var content: [String: [UInt8]] {
    get throws { try Dictionary(uniqueKeysWithValues: entries.map { ($0.name, try $0.tensor.bytes()) }) }
  }
}

/// A folder that goes away with the value that names it.
final class ScratchFolder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
