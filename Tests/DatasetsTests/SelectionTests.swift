import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Held-out pictures") struct HoldOutTests {
  private func album(_ count: Int, classes: Int = 3) -> Album {
    var album = Album(count: count)
    album.labels = (0..<count).map { $0 % classes }
    return album
  }

  private func trained(_ data: TrainingData, positions: Range<Int>) throws -> [Int] {
    try positions.map { Int(try data.example(at: $0).example.image.bytes[0]) }
  }

  @Test func areNeverTrainedOnAndTheRestIsOnceInEachEpoch() throws {
    let data = try TrainingData(ExamplePipeline(album(60), seed: 1), holdOut: .share(0.25), seed: 1)
    #expect(data.split.validation.count == 15 && data.count == 45)
    for epoch in 0..<3 {
      let seen = try trained(data, positions: (45 * epoch)..<(45 * epoch + 45))
      #expect(Set(seen).union(data.split.validation) == Set(0..<60) && Set(seen).count == 45)
    }
    #expect(try (0..<15).map { Int(try data.validationExample($0).example.image.bytes[0]) } == data.split.validation)
  }

  @Test func areTheSameForEverySeed() throws {
    let splits = try [1, 2, 3].map { try TrainingData(ExamplePipeline(album(60), seed: $0), holdOut: .count(10), seed: $0).split }
    #expect(splits[0] == splits[1] && splits[1] == splits[2])
    #expect(splits[0].validation.count == 10)
  }

  @Test func comeFromEachClassInProportion() {
    var uneven = Album(count: 100)
    uneven.labels = (0..<100).map { $0 < 80 ? 0 : $0 < 98 ? 1 : 2 }
    let held = DataSplit(uneven, .share(0.2)).validation.map { uneven.labels![$0] }
    // 16, 3.6 and 0.4 of twenty.
    #expect((0...2).map { label in held.filter { $0 == label }.count } == [16, 4, 0])
  }

  @Test func leaveEachClassAPictureToTrainOn() {
    let split = DataSplit(album(6), .share(0.9))
    #expect(split.validation.count == 3)
    #expect(Set(split.training!.flatMap { $0 }.map { $0 % 3 }) == [0, 1, 2])
  }

  @Test func areNoneUnlessAskedFor() throws {
    let data = try TrainingData(ExamplePipeline(album(10), seed: 1), seed: 1)
    #expect(data.split.validation.isEmpty && data.count == 10)
    // The order is that of the data set's own.
    let order = VisitingOrder(count: 10, seed: 1)
    #expect(try trained(data, positions: 0..<25) == (0..<25).map { order[$0] })
  }

  @Test func areWrittenAsAShareOrANumber() throws {
    struct Wrapper: RecipeKit.Recipe { var validation = HoldOut.none }
    #expect(try Wrapper(yaml: "validation: 0.05").validation == .share(0.05))
    #expect(try Wrapper(yaml: "validation: 500").validation == .count(500))
    #expect(try Wrapper(yaml: "validation: 0").validation == .none)
    #expect(try Wrapper(yaml: Wrapper(yaml: "validation: 0.05").yaml()).validation == .share(0.05))
    for bad in ["1.5", "-1", "many"] { #expect(throws: RecipeError.self) { try Wrapper(yaml: "validation: \(bad)") } }
  }
}

@Suite("Mixed data sets") struct MixedDatasetTests {
  private func album(_ count: Int, _ classes: [String]) -> Album {
    var album = Album(count: count)
    album.classNames = classes
    album.labels = (0..<count).map { $0 % classes.count }
    return album
  }

  @Test func joinClassesOfTheSameName() throws {
    let mix = try MixedDataset([album(4, ["cat", "dog"]), album(6, ["cow", "dog", "cat"])], weights: [1, 1])
    #expect(mix.classNames == ["cat", "dog", "cow"])
    #expect(mix.count == 10)
    #expect(try (0..<10).map { try mix[$0].label } == [0, 1, 0, 1, 2, 1, 0, 2, 1, 0])
    #expect((0..<10).map { mix.label(at: $0) } == [0, 1, 0, 1, 2, 1, 0, 2, 1, 0])
  }

  @Test(arguments: [([2, 1], 3), ([0.5, 0.25, 0.25], 4), ([1, 1], 2), ([7, 3], 10)] as [([Double], Int)])
  func keepTheirWeightsInEveryBlock(weights: [Double], length: Int) {
    let order = MixedOrder(counts: weights.map { _ in 5 }, weights: weights, seed: 4)
    let total = weights.reduce(0, +)
    for block in 0..<50 {
      let parts = (0..<length).map { order[block * length + $0].part }
      for (part, weight) in weights.enumerated() {
        #expect(Double(parts.filter { $0 == part }.count) == (weight / total * Double(length)).rounded())
      }
    }
    #expect(order.places.reduce(0, +) == length)
  }

  @Test func ofOddWeightsKeepThemNearlyAndForgetNoSource() {
    let places = MixedOrder.places([1, 1e-9, Double.pi])
    #expect(places[1] == 1)
    #expect(abs(Double(places[2]) / Double(places[0]) - .pi) < 0.01)
  }

  @Test func showEachPictureOfASourceBeforeAnyAgain() {
    let order = MixedOrder(counts: [4, 10], weights: [2, 1], seed: 9)
    let drawn = (0..<60).map { order[$0] }
    let first = drawn.filter { $0.part == 0 }.map(\.number)
    for start in stride(from: 0, to: 40, by: 4) { #expect(Set(first[start..<(start + 4)]).count == 4) }
    // Twenty draws of ten pictures: each twice; forty of four: each ten times.
    #expect(Dictionary(grouping: drawn.filter { $0.part == 1 }, by: \.number).values.allSatisfy { $0.count == 2 })
    #expect(Dictionary(grouping: drawn.filter { $0.part == 0 }, by: \.number).values.allSatisfy { $0.count == 10 })
  }

  @Test func holdOutOfEachSource() throws {
    let mix = try MixedDataset([album(40, ["a"]), album(20, ["a"])], weights: [1, 3])
    let held = DataSplit(mix, .share(0.1)).validation
    #expect(held.filter { $0 < 40 }.count == 4 && held.filter { $0 >= 40 }.count == 2)
  }

  @Test func areNamedByARecipe() throws {
    struct Wrapper: RecipeKit.Recipe { var data = Choice<DatasetRegistry>(GlyphDataset.Recipe()) }
    let yaml = """
      data:
        type: mix
        sources: [{ type: glyphs, classes: digits, count: 20 }, { type: glyphs, classes: letters, count: 10, size: 16 }]
        weights: [3, 1]
      """
    let set = try Wrapper(yaml: yaml).data.member.open()
    #expect(set.count == 30 && set.classNames.count == 36 && set.shape == nil)
    #expect(set.parts.map(\.weight) == [3, 1])
    #expect(try Wrapper(yaml: Wrapper(yaml: yaml).yaml()).data.member.open().classNames == set.classNames)
    for bad in ["sources: []", "{ sources: [glyphs], weights: [1, 2] }", "{ sources: [glyphs], weights: [0] }"] {
      let text = bad.hasPrefix("{") ? bad.dropFirst().dropLast() : bad[...]
      #expect(throws: RecipeError.self) { try Wrapper(yaml: "data: { type: mix, \(text) }") }
    }
  }
}

@Suite("Unusable pictures") struct UnusablePictureTests {
  private func data(_ count: Int, bad: Set<Int>) throws -> TrainingData {
    var album = Album(count: count)
    album.bad = bad
    return try TrainingData(ExamplePipeline(album, seed: 1), seed: 1)
  }

  @Test func giveTheirPlaceToTheNextAndMoveNothingElse() throws {
    let whole = try data(10, bad: []), damaged = try data(10, bad: [3, 4, 9])
    let stand: [UInt8: UInt8] = [3: 5, 4: 5, 9: 0]
    for position in 0..<30 {
      let meant = try whole.example(at: position).example.image.bytes[0]
      let drawn = try damaged.example(at: position)
      #expect(drawn.example.image.bytes[0] == stand[meant] ?? meant)
      #expect(drawn.unusable.map(\.index) == (meant == 3 ? [3, 4] : meant == 4 ? [4] : meant == 9 ? [9] : []))
    }
  }

  @Test func areReportedWithTheirNameAndReason() throws {
    let damaged = try data(2, bad: [0])
    let reports = try (0..<2).flatMap { try damaged.example(at: $0).unusable }
    #expect(reports == [UnusablePicture(index: 0, report: "picture 0: is empty, expected a picture")])
  }

  @Test func thatAreAllThereIsAreAnError() throws {
    let error = #expect(throws: DatasetError.self) { try data(3, bad: [0, 1, 2]).example(at: 0) }
    guard case .nothingUsable(tried: 3, first: _) = error?.problem else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(throws: DatasetError("data", .noPictures)) { try data(0, bad: []) }
  }
}
