import Archives
import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

/// Three images of 2 x 3 pixels with the labels 0, 2, 1, in a folder of their own.
private final class Fixture {
  let folder = NSTemporaryDirectory() + "datasets-\(UUID().uuidString)"
  let pixels = (0..<18).map { UInt8(10 * $0) }
  var recipe = IDXDataset.Recipe()

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    recipe.images = "\(folder)/images"
    recipe.labels = "\(folder)/labels"
    try write(idx([3, 2, 3], pixels), to: "images")
    try write(idx([3], [0, 2, 1]), to: "labels")
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }

  /// What opening the set complains of.
  func problem() -> DatasetError.Problem? { #expect(throws: DatasetError.self) { try self.recipe.open() }?.problem }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}

/// An IDX file whose header says whatever it is told to say.
private func idx(_ shape: [UInt32], _ bytes: [UInt8], type: UInt8 = 0x08) -> [UInt8] {
  let sizes = shape.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } }
  return [0, 0, type, UInt8(shape.count)] + sizes + bytes
}

@Suite("IDX data sets") struct IDXTests {
  @Test func imagesAndLabelsComeOutInTheOrderOfTheFile() throws {
    let fixture = try Fixture()
    let set = try fixture.recipe.open()
    #expect(set.count == 3)
    #expect(set.classNames == ["0", "1", "2"])
    #expect(set.shape == ImageShape(height: 2, width: 3, channels: 1))
    let expected = Image(width: 3, height: 2, channels: 1, bytes: [60, 70, 80, 90, 100, 110])
    #expect(try set[1] == Picture(.pixels(expected), label: 2, name: "\(fixture.recipe.images): image 1"))
    #expect(try set[2].label == 1)
  }

  @Test func gzipIsReadLikePlain() throws {
    let fixture = try Fixture()
    let plain = try fixture.recipe.open()
    try fixture.write(Gzip.compress(idx([3, 2, 3], fixture.pixels)), to: "images")
    try fixture.write(Gzip.compress(idx([3], [0, 2, 1])), to: "labels")
    let compressed = try fixture.recipe.open()
    for index in 0..<3 { #expect(try compressed[index] == plain[index]) }
  }

  @Test func theOtherSpellingOfANameServes() throws {
    let fixture = try Fixture()
    fixture.recipe.images += ".gz"
    #expect(try fixture.recipe.open().count == 3)
    try fixture.write(Gzip.compress(idx([3], [0, 2, 1])), to: "labels.gz")
    try fixture.remove("labels")
    #expect(try fixture.recipe.open()[1].label == 2)
  }

  @Test func labelsMayBeginAtOne() throws {
    let fixture = try Fixture()
    try fixture.write(idx([3], [1, 3, 2]), to: "labels")
    fixture.recipe.firstLabel = 1
    #expect(try fixture.recipe.open().classNames == ["1", "2", "3"])
    fixture.recipe.classNames = ["A", "B", "C", "D"]
    let set = try fixture.recipe.open()
    #expect(set.classNames == ["A", "B", "C", "D"])
    #expect(try set[1].label == 2)
  }

  @Test func labelsOutsideTheClassesAreRefused() throws {
    let fixture = try Fixture()
    fixture.recipe.classNames = ["zero", "one"]
    #expect(fixture.problem() == .label(2, index: 1, accepted: 0...1))
    fixture.recipe.classNames = nil
    fixture.recipe.firstLabel = 1
    #expect(fixture.problem() == .label(0, index: 0, accepted: 1...2))
  }

  @Test func imagesCanDoWithoutLabels() throws {
    let fixture = try Fixture()
    fixture.recipe.labels = nil
    let set = try fixture.recipe.open()
    #expect(set.classNames.isEmpty)
    #expect(try set[0].label == nil)
  }

  @Test func aRecipeNamesTheSetByItsType() throws {
    struct Wrapper: RecipeKit.Recipe { var data = Choice<DatasetRegistry>(GlyphDataset.Recipe()) }
    let fixture = try Fixture()
    let yaml = "data: { type: idx, images: \(fixture.recipe.images), labels: \(fixture.recipe.labels!) }"
    #expect(try Wrapper(yaml: yaml).data.member.open().shape?.height == 2)
    #expect(try Wrapper(yaml: "data: { size: 16, classes: letters }").data.member.open().classNames.count == 26)
    #expect(throws: RecipeError.self) { try Wrapper(yaml: "data: { size: 4 }") }
    #expect(throws: RecipeError.self) { try Wrapper(yaml: "data: { type: idx, first_label: 256 }") }
  }
}

@Suite("Bad IDX files") struct BadIDXTests {
  @Test func missingFilesAreNamedTogetherWithWhatToPutWhere() throws {
    let fixture = try Fixture()
    try fixture.remove("images")
    try fixture.remove("labels")
    let error = #expect(throws: DatasetError.self) { try fixture.recipe.open() }
    let images = fixture.recipe.images, labels = fixture.recipe.labels!
    #expect(
      error?.description
        == "no such file: \(images), \(labels); put the images as \(images) and the labels as \(labels) (IDX format, gzip or plain,"
        + " with or without .gz; MNIST's files serve as they are distributed), or name yours by `images` and `labels` in the recipe")
    try fixture.write(idx([3, 2, 3], fixture.pixels), to: "images")
    #expect(throws: DatasetError.self) { try fixture.recipe.open() }
  }

  @Test func aFileOfAnotherKindIsRefusedByItsFirstBytes() throws {
    let fixture = try Fixture()
    try fixture.write([0x89, 0x50, 0x4E, 0x47, 1, 2, 3], to: "images")
    #expect(fixture.problem() == .notIDX(start: [0x89, 0x50, 0x4E, 0x47]))
    let error = #expect(throws: DatasetError.self) { try fixture.recipe.open() }
    #expect(
      error?.description
        == "\(fixture.recipe.images): is not an IDX file: it begins with the bytes 89 50 4E 47,"
        + " expected 00 00 08 and the number of dimensions")
    try fixture.write(idx([3, 2, 3], fixture.pixels, type: 0x0D), to: "images")
    #expect(fixture.problem() == .elementType(0x0D))
  }

  @Test func imagesAndLabelsInEachOthersPlaceAreRefused() throws {
    let fixture = try Fixture()
    (fixture.recipe.images, fixture.recipe.labels) = (fixture.recipe.labels!, fixture.recipe.images)
    #expect(fixture.problem() == .rank(expected: "3: images, rows, columns", found: 1))
    (fixture.recipe.images, fixture.recipe.labels) = (fixture.recipe.labels!, fixture.recipe.labels!)
    #expect(fixture.problem() == .rank(expected: "1: labels", found: 3))
  }

  @Test(arguments: [[3, 0, 3], [0, 2, 3], [.max, .max, .max], [.max, .max, 1], [1 << 31, 2, 3]] as [[UInt32]])
  func impossibleDimensionsAreRefusedBeforeAnythingIsRead(shape: [UInt32]) throws {
    let fixture = try Fixture()
    try fixture.write(idx(shape, fixture.pixels), to: "images")
    #expect(fixture.problem() == .impossibleShape(shape.map(Int.init), limit: 1 << 33))
  }

  @Test(arguments: [false, true]) func countsThatLieAreRefused(compressed: Bool) throws {
    let fixture = try Fixture()
    func file(_ bytes: [UInt8]) -> [UInt8] { compressed ? Gzip.compress(bytes) : bytes }
    try fixture.write(file(idx([4, 2, 3], fixture.pixels)), to: "images")
    #expect(fixture.problem() == .tooFewBytes(shape: [4, 2, 3], expected: 24, found: 18))
    try fixture.write(file(idx([2, 2, 3], fixture.pixels)), to: "images")
    #expect(fixture.problem() == .tooManyBytes(shape: [2, 2, 3], expected: 12))
    try fixture.write(file(idx([1_000_000, 28, 28], fixture.pixels)), to: "images")
    #expect(fixture.problem() == .tooFewBytes(shape: [1_000_000, 28, 28], expected: 784_000_000, found: 18))
  }

  @Test func moreOrFewerLabelsThanImagesAreRefused() throws {
    let fixture = try Fixture()
    for labels: [UInt8] in [[0, 1], [0, 1, 2, 0]] {
      try fixture.write(idx([UInt32(labels.count)], labels), to: "labels")
      #expect(fixture.problem() == .labelCount(labels: labels.count, images: 3, imagesFile: fixture.recipe.images))
    }
  }

  @Test func everyTruncationIsRefused() throws {
    let fixture = try Fixture()
    let plain = idx([3, 2, 3], fixture.pixels), compressed = Gzip.compress(plain)
    for whole in [plain, compressed] {
      for count in 0..<whole.count {
        try fixture.write(Array(whole[..<count]), to: "images")
        #expect(throws: DatasetError.self, "\(count) of \(whole.count) bytes") { try fixture.recipe.open() }
      }
    }
  }

  @Test func corruptGzipIsRefusedWithTheNameOfTheFile() throws {
    let fixture = try Fixture()
    var bytes = Gzip.compress(idx([3, 2, 3], fixture.pixels))
    bytes[bytes.count - 12] ^= 0x10
    try fixture.write(bytes, to: "images")
    guard case .unreadable(let error) = fixture.problem() else {
      Issue.record("a corrupt file was not called unreadable")
      return
    }
    #expect(error.path == fixture.recipe.images)
  }
}
