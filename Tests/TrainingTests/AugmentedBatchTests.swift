import Datasets
import Tensors
import Testing

@testable import Training

@Suite("Batches of augmented images") struct AugmentedBatchTests {
  private func loader(_ probability: Double, workers: Int = 0) throws -> BatchLoader {
    var augmentation = AugmentationRecipe(), loading = LoadingRecipe()
    augmentation.probability = probability
    loading.workers = workers
    let pipeline = try ExamplePipeline(GreyImages(), augmentation: augmentation, seed: 1)
    return BatchLoader(try TrainingData(pipeline, seed: 1), batchSize: 4, loading)
  }

  @Test func haveALabelRowForEachImage() throws {
    let loader = try loader(1), batch = try loader.batch(at: 4, on: .cpu)
    let given = try #require(batch.augmentation)
    #expect(given.shape == [4, 9] && given.dtype == .float32)
    for place in 0..<4 {
      let example = try loader.data.example(at: 4 + place).example
      #expect(try given.image(place).floats() == example.augmentation)
    }
    #expect(try self.loader(0).batch(at: 4, on: .cpu).augmentation == nil)
  }

  @Test func areTheSameHoweverManyThreadsMakeThem() throws {
    let alone = try loader(0.5), together = try loader(0.5, workers: 2)
    for position in [0, 4, 8] {
      let a = try alone.batch(at: position, on: .cpu), b = try together.batch(at: position, on: .cpu)
      #expect(try a.images.floats() == b.images.floats() && a.augmentation?.floats() == b.augmentation?.floats())
    }
  }
}
