import Archives
import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

/// What follows the labels that are accepted.
private let hint = "; set first_label and class_names in the recipe to what the file holds"

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
    let set = try fixture.recipe.open()
    let plain = try (0..<3).map { try set[$0] }
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
    #expect(fixture.problem() == .label(2, index: 1, expected: "0 to 1\(hint)"))
    fixture.recipe.classNames = nil
    fixture.recipe.firstLabel = 1
    #expect(fixture.problem() == .label(0, index: 0, expected: "1 to 2\(hint)"))
  }

  @Test func imagesCanDoWithoutLabels() throws {
    let fixture = try Fixture()
    fixture.recipe.labels = nil
    let set = try fixture.recipe.open()
    #expect(set.classNames.isEmpty)
    #expect(try set[0].label == nil)
  }

  @Test func colourHasAFourthDimension() throws {
    let fixture = try Fixture()
    try fixture.write(idx([2, 1, 3, 3], fixture.pixels), to: "images")
    fixture.recipe.labels = nil
    let set = try fixture.recipe.open()
    #expect(set.shape == ImageShape(height: 1, width: 3, channels: 3) && set.channels == 3)
    #expect(try set[1].image() == Image(width: 3, height: 1, channels: 3, bytes: Array(fixture.pixels[9...])))
    try fixture.write(idx([1, 1, 3, 6], fixture.pixels), to: "images")
    #expect(fixture.problem() == .channels(6))
  }

  @Test func imagesThatLieOnTheirSideAreTurned() throws {
    let fixture = try Fixture()
    fixture.recipe.transpose = true
    let set = try fixture.recipe.open()
    #expect(set.shape == ImageShape(height: 3, width: 2, channels: 1))
    #expect(try set[0].image().bytes == [0, 30, 10, 40, 20, 50])
  }

  @Test func emnistIsKnownByItsFilesAndReadUpright() throws {
    let fixture = try Fixture()
    try fixture.write(idx([3, 2, 3], fixture.pixels), to: "emnist-letters-train-images-idx3-ubyte")
    try fixture.write(idx([3], [1, 26, 2]), to: "emnist-letters-train-labels-idx1-ubyte")
    fixture.recipe.images = "\(fixture.folder)/emnist-letters-train-images-idx3-ubyte"
    fixture.recipe.labels = "\(fixture.folder)/emnist-letters-train-labels-idx1-ubyte"
    let set = try fixture.recipe.open()
    #expect(set.classNames.count == 26 && set.classNames[25] == "Z" && set.shape?.height == 3)
    #expect(try set[1].label == 25)
    // What is said goes before what is known.
    (fixture.recipe.transpose, fixture.recipe.firstLabel) = (false, 0)
    fixture.recipe.classNames = (0...26).map { "\($0)" }
    #expect(try fixture.recipe.open()[1].label == 26 && fixture.recipe.open().shape?.height == 2)
  }

  @Test func collectionsAreRecognisedByTheirPaths() {
    for (path, collection) in [
      ("gzip/emnist-byclass-test-images-idx3-ubyte.gz", .emnistByClass), ("emnist-balanced-train-images-idx3-ubyte", .emnistBalanced),
      ("EMNIST/raw/emnist-mnist-train-images-idx3-ubyte", .emnistMNIST), ("data/KMNIST/raw/train-images-idx3-ubyte", .kmnist),
      ("fashion-mnist.zip/train-images-idx3-ubyte.gz", .fashionMNIST), ("FashionMNIST/raw/t10k-images-idx3-ubyte", .fashionMNIST),
      ("mnist/train-images-idx3-ubyte.gz", nil), ("letters-images-idx3-ubyte.gz", nil), ("emnist/images", nil), ("", nil),
    ] as [(String, IDXCollection?)] { #expect(IDXCollection(path: path) == collection, "\(path)") }
    let counts = IDXCollection.allCases.map(\.classNames.count)
    #expect(counts == [10, 10, 10, 47, 62, 47, 26, 10, 10])
    for collection in IDXCollection.allCases { #expect(Set(collection.classNames).count == collection.classNames.count) }
  }

  @Test func aPathThatMisleadsNamesNothing() throws {
    let fixture = try Fixture()
    try FileManager.default.createDirectory(atPath: "\(fixture.folder)/kmnist", withIntermediateDirectories: true)
    try fixture.write(idx([3, 2, 3], fixture.pixels), to: "kmnist/images")
    try fixture.write(idx([3], [0, 12, 2]), to: "labels")
    fixture.recipe.images = "\(fixture.folder)/kmnist/images"
    #expect(try fixture.recipe.open().classNames.count == 13)
    fixture.recipe.collection = .kmnist
    #expect(fixture.problem() == .label(12, index: 1, expected: "0 to 9\(hint)"))
    try fixture.write(idx([3], [0, 9, 2]), to: "labels")
    fixture.recipe.collection = nil
    #expect(try fixture.recipe.open().classNames[1] == "ki")
  }

  @Test func filesWithinAnArchiveAreReadThere() throws {
    let fixture = try Fixture()
    let path = "\(fixture.folder)/all.zip", plain = try fixture.recipe.open()
    let images = idx([3, 2, 3], fixture.pixels), labels = Gzip.compress(idx([3], [0, 2, 1]))
    try ZipWriter.write([("raw/images", images), ("raw/labels.gz", labels)], to: path)
    (fixture.recipe.images, fixture.recipe.labels) = ("\(path)/raw/images", "\(path)/raw/labels.gz")
    let set = try fixture.recipe.open()
    for index in 0..<3 { #expect(try set[index].content == plain[index].content && set[index].label == plain[index].label) }
    fixture.recipe.labels = "\(path)/raw/labels"
    guard case .unreadable = fixture.problem() else {
      Issue.record("an entry that is not there was read")
      return
    }
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
    #expect(fixture.problem() == .described(.data, "is a picture (PNG); expected an IDX file"))
    try fixture.write([0x81, 0x50, 0x4E, 0x47, 1, 2, 3], to: "images")
    #expect(fixture.problem() == .notIDX(start: [0x81, 0x50, 0x4E, 0x47]))
    let error = #expect(throws: DatasetError.self) { try fixture.recipe.open() }
    #expect(
      error?.description
        == "\(fixture.recipe.images): is not an IDX file: it begins with the bytes 81 50 4E 47,"
        + " expected 00 00 08 and the number of dimensions")
    try fixture.write(idx([3, 2, 3], fixture.pixels, type: 0x0D), to: "images")
    #expect(fixture.problem() == .elementType(0x0D))
  }

  @Test func imagesAndLabelsInEachOthersPlaceAreRefused() throws {
    let fixture = try Fixture()
    (fixture.recipe.images, fixture.recipe.labels) = (fixture.recipe.labels!, fixture.recipe.images)
    #expect(fixture.problem() == .rank(expected: "3: images, rows, columns; or 4, with channels", found: 1))
    (fixture.recipe.images, fixture.recipe.labels) = (fixture.recipe.labels!, fixture.recipe.labels!)
    #expect(fixture.problem() == .rank(expected: "1: labels", found: 3))
  }

  @Test(arguments: [[3, 0, 3], [0, 2, 3], [.max, .max, .max], [.max, .max, 1], [1 << 31, 2, 3]] as [[UInt32]])
  func impossibleDimensionsAreRefusedBeforeAnythingIsRead(shape: [UInt32]) throws {
    let fixture = try Fixture()
    try fixture.write(idx(shape, fixture.pixels), to: "images")
    #expect(fixture.problem() == .impossibleShape(shape.map(Int.init), limit: 1 << 33))
  }

  /// A file with a hole takes no room, and its one picture would fill the memory.
  @Test func aPictureTooLargeIsRefused() throws {
    let fixture = try Fixture()
    try fixture.write(idx([1, 1 << 15, 1 << 14], []), to: "images")
    truncate(fixture.recipe.images, 16 + 1 << 29)
    #expect(fixture.problem() == .impossibleShape([1, 1 << 15, 1 << 14], limit: 1 << 28))
  }

  @Test(arguments: [false, true]) func falseCountsAreRefused(compressed: Bool) throws {
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
      #expect(fixture.problem() == .count(what: "labels", found: labels.count, images: 3, imagesFile: fixture.recipe.images))
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
