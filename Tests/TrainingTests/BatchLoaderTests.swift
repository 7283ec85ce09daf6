import Tensors
import Testing

@testable import Training

@Suite("Batches") struct BatchLoaderTests {
  private func loader(_ batchSize: Int = 4, seed: UInt64 = 1, of dataset: GreyImages = GreyImages()) -> BatchLoader {
    makeLoader(batchSize, seed: seed, of: dataset)
  }

  /// The byte that marks each image of the batch at a position.
  private func marks(_ loader: BatchLoader, at position: Int) throws -> [UInt8] {
    try loader.batch(at: position, on: .cpu).images.images().map { $0.bytes[0] }
  }

  @Test func dependOnSeedAndPositionAlone() throws {
    let forwards = loader(), backwards = loader()
    let positions = [0, 4, 8, 12, 1003]
    let first = try positions.map { try marks(forwards, at: $0) }
    #expect(try positions.reversed().map { try marks(backwards, at: $0) } == first.reversed())
    #expect(try positions.map { try marks(loader(seed: 2), at: $0) } != first)
  }

  @Test func ofAnotherSizeHoldTheSameImagesAtTheSamePositions() throws {
    let small = try [0, 2, 4, 6].flatMap { try marks(loader(2), at: $0) }
    #expect(try marks(loader(8), at: 0) == small)
  }

  @Test func showEveryImageOnceInAnEpochAndEachEpochInAnotherOrder() throws {
    let first = try marks(loader(10), at: 0), second = try marks(loader(10), at: 10)
    let all = (0..<10).map { UInt8(20 * $0) }
    #expect(first.sorted() == all && second.sorted() == all)
    #expect(first != second)
  }

  @Test func carryTheLabelsOfTheirImages() throws {
    let batch = try loader().batch(at: 0, on: .cpu)
    let labels = try #require(batch.labels)
    #expect(labels.dtype == .int64)
    #expect(try labels.ints() == marks(loader(), at: 0).map { Int($0) / 20 % 2 })
    #expect(try loader(of: GreyImages(classNames: [])).batch(at: 0, on: .cpu).labels == nil)
  }
}
