import Failures
import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Every registered data set") struct DatasetContractTests {
  static let names = DatasetRegistry.names
  private let place: SourceFolder

  init() throws { place = try SourceFolder() }

  private func fixture(_ name: String) throws -> DatasetFixture {
    let factory = try #require(
      DatasetFixtures.factories[name],
      "no fixture of the data set type '\(name)'; add a factory to DatasetFixtures.factories in Tests/DatasetsTests/DatasetFixtures.swift")
    return try factory(place)
  }

  @Test(arguments: names) func opensWithTheNumberOfPicturesThatThereAre(name: String) throws {
    let fixture = try fixture(name), set = try fixture.recipe.open()
    #expect(set.count == fixture.count)
    #expect(set.parts.map(\.range).reduce(0) { $0 == $1.lowerBound ? $1.upperBound : -1 } == set.count)
    #expect(set.parts.allSatisfy { $0.weight > 0 && $0.weight.isFinite })
  }

  @Test(arguments: names) func everyPictureIsReadableAndHasTheShapeThatTheSetStates(name: String) throws {
    let set = try fixture(name).recipe.open()
    #expect(set.shape == nil || set.shape?.channels == set.channels)
    let images = try (0..<set.count).map { try set[$0].image() }
    for (index, image) in images.enumerated() {
      guard let shape = set.shape else { continue }
      #expect(image.height == shape.height && image.width == shape.width, "picture \(index)")
    }
    #expect(images.map(\.channels).max() == set.channels)
  }

  @Test(arguments: names) func labelsLieWithinTheClassesAndAreKnownWithoutReading(name: String) throws {
    let set = try fixture(name).recipe.open()
    for index in 0..<set.count {
      let picture = try set[index]
      #expect(!picture.name.isEmpty && picture.context?.count == set.contextSize)
      #expect(set.label(at: index) == nil || set.label(at: index) == picture.label)
      if let label = picture.label { #expect(set.classNames.indices.contains(label), "picture \(index) has the label \(label)") }
    }
    #expect(Set(set.classNames).count == set.classNames.count)
  }

  @Test(arguments: names) func openedAgainItIsTheSameInAnyOrder(name: String) throws {
    let recipe = try fixture(name).recipe
    let first = try recipe.open(), second = try recipe.open()
    let forwards = try (0..<first.count).map { try first[$0] }
    #expect(try (0..<second.count).reversed().map { try second[$0] } == forwards.reversed())
    #expect(first.classNames == second.classNames && first.shape == second.shape && first.skipped == second.skipped)
  }

  @Test(arguments: names) func aPathWhereNothingIsIsAClassifiedErrorThatNamesIt(name: String) throws {
    guard let absent = try fixture(name).absent else { return }
    let error = #expect(throws: (any Error).self) { try absent.recipe.open() }
    #expect((error as? any ClassifiedError)?.failure == .missing, "\(String(describing: error))")
    #expect("\(error.map { "\($0)" } ?? "")".contains(absent.path))
  }

  /// A run stores absolute paths: one that is left relative is not found from another folder.
  @Test(arguments: names) func everyPathThatTheRecipeNamesIsReplaced(name: String) throws {
    let fixture = try fixture(name)
    var moved = fixture.recipe
    moved.mapPaths { "elsewhere/\($0)" }
    #expect(moved.paths == fixture.recipe.paths.map { "elsewhere/\($0)" })
    #expect(fixture.recipe.paths.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    #expect((fixture.absent == nil) == fixture.recipe.paths.isEmpty, "a set that reads files needs a recipe for a path where nothing is")
  }

  @Test func noTwoTypesHaveTheSameName() { #expect(Set(Self.names).count == Self.names.count) }

  /// A fixture of a type that is gone would be tested by nobody.
  @Test func everyFixtureIsOfARegisteredType() { #expect(Set(DatasetFixtures.factories.keys).subtracting(Self.names).isEmpty) }
}
