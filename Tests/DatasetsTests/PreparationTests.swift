import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Preparation") struct PreparationTests {
  private func images(_ album: Album, _ recipe: ImagesRecipe, seed: UInt64 = 1, count: Int = 1) throws -> [Image] {
    let pipeline = try ExamplePipeline(album, images: recipe, seed: seed)
    return try (0..<count).map { try pipeline.example(0, at: $0).image }
  }

  // MARK: Fits

  @Test func withoutASizeKeepsPicturesAsTheyAre() throws {
    let album = Album(height: 3, width: 5)
    #expect(try images(album, ImagesRecipe()) == [Album.map(ImageSize(height: 3, width: 5))])
    let differing = Album(sizes: [ImageSize(2), ImageSize(3)])
    let error = #expect(throws: DatasetError.self) { try ExamplePipeline(differing, seed: 1) }
    #expect(error?.description == "data: the pictures differ in size; give images.size, such as 64 or [96, 128]")
  }

  @Test func byCentreCropTakesTheMiddleOfThePictureThatJustCovers() throws {
    // Heights fit, so nothing is resized: columns 2 to 5 of 8.
    let wide = try images(Album(height: 4, width: 8), ImagesRecipe(ImageSize(4)))[0]
    #expect(wide == Album.map(ImageSize(height: 4, width: 8)).cropped(row: 0, column: 2, width: 4, height: 4))
    // Twice as large on both sides: the mean of four pixels, which lie 0, 1, 16 and 17 above the first.
    let half = try images(Album(height: 4, width: 12), ImagesRecipe(ImageSize(height: 2, width: 6)))[0]
    #expect((half.height, half.width) == (2, 6))
    #expect(half.bytes[..<6] == [9, 11, 13, 15, 17, 19])
  }

  @Test func byPadPutsThePictureIntoTheMiddleOfItsColour() throws {
    var recipe = try ImagesRecipe(ImageSize(height: 4, width: 6), "pad")
    let black = [UInt8](repeating: 0, count: 7)
    let padded: [UInt8] = black + [0, 1, 2, 0, 0, 0, 16, 17, 18] + black + [0]
    #expect(try images(Album(height: 2, width: 3), recipe)[0].bytes == padded)
    var pad = Pad()
    pad.color = [9]
    recipe.fit = Choice(pad)
    #expect(try images(Album(height: 2, width: 3), recipe)[0].bytes.filter { $0 == 9 }.count == 18)
    #expect(throws: ImagingError(file: "picture 0", .unsupported("5 x 3 pixels are too many to be padded to 4 x 6"))) {
      try images(Album(height: 5, width: 3), recipe)
    }
  }

  @Test func byStretchMovesNoColourAndFillsTheWhole() throws {
    var album = Album(count: 2)
    album.sizes = [ImageSize(height: 5, width: 9), ImageSize(3)]
    let pipeline = try ExamplePipeline(album, images: ImagesRecipe(ImageSize(height: 7, width: 4), "stretch"), seed: 1)
    #expect(try pipeline.example(1, at: 0).image == Image(width: 4, height: 7, color: [1]))
  }

  @Test func byTileCutsPixelForPixelEverywhereInsideAndNowhereElse() throws {
    let album = Album(height: 4, width: 6), whole = Album.map(ImageSize(height: 4, width: 6))
    let tiles = try images(album, ImagesRecipe(ImageSize(height: 2, width: 3), "tile"), count: 300)
    let corners = Set(tiles.map { $0.bytes[0] })
    // Rows 0 to 2, columns 0 to 3.
    let inside: [UInt8] = [0, 1, 2, 3, 16, 17, 18, 19, 32, 33, 34, 35]
    #expect(corners == Set(inside))
    for tile in tiles {
      #expect(tile == whole.cropped(row: Int(tile.bytes[0]) / 16, column: Int(tile.bytes[0]) % 16, width: 3, height: 2))
    }
    #expect(throws: ImagingError(file: "picture 0", .unsupported("4 x 6 pixels are too few for a tile of 5 x 5"))) {
      try images(album, ImagesRecipe(ImageSize(5), "tile"))
    }
  }

  @Test func byRandomCropStaysWithinItsFractions() throws {
    var crop = RandomCrop()
    (crop.minFraction, crop.maxFraction) = (0.5, 0.5)
    var recipe = try ImagesRecipe(ImageSize(2))
    recipe.fit = Choice(crop)
    // A crop of half the side: the picture covers 4 x 4, as it is, and the part lies anywhere in it.
    let whole = Album.map(ImageSize(4))
    let parts = try images(Album(height: 4, width: 4), recipe, count: 200)
    #expect(Set(parts.map { $0.bytes[0] }).count == 9)
    for part in parts {
      #expect(part == whole.cropped(row: Int(part.bytes[0]) / 16, column: Int(part.bytes[0]) % 16, width: 2, height: 2))
    }
    // At fraction 1 it is the centre crop of a picture of the same proportions.
    (crop.minFraction, crop.maxFraction) = (1, 1)
    recipe.fit = Choice(crop)
    #expect(try images(Album(height: 4, width: 4), recipe) == images(Album(height: 4, width: 4), ImagesRecipe(ImageSize(2))))
  }

  @Test func ofAFileDecodesWhatTheSamePixelsInMemoryGive() throws {
    struct Encoded: Dataset {
      let bytes: [UInt8], count = 1, classNames: [String] = [], shape: ImageShape? = nil, channels = 1
      subscript(index: Int) -> Picture { Picture(.encoded(bytes), name: "map.png") }
    }
    let size = ImageSize(height: 12, width: 14)
    let file = Encoded(bytes: try Album.map(size).encoded(as: .png))
    for fit in ["tile", "center_crop", "random_crop"] {
      let recipe = try ImagesRecipe(ImageSize(height: 4, width: 5), fit)
      let decoded = try ExamplePipeline(file, images: recipe, seed: 3),
        inMemory = try ExamplePipeline(Album(height: 12, width: 14), images: recipe, seed: 3)
      for position in 0..<5 { #expect(try decoded.example(0, at: position).image == inMemory.example(0, at: position).image) }
    }
  }

  // MARK: Channels

  @Test func colorsWithAProfileAreConvertedUnlessTheRecipeIgnoresIt() throws {
    struct One: Dataset {
      let bytes: [UInt8], count = 1, classNames: [String] = [], shape: ImageShape? = nil, channels = 3
      subscript(index: Int) -> Picture { Picture(.encoded(bytes), name: "one.png") }
    }
    // One pixel, (250, 120, 60), with a profile whose red and blue primaries are exchanged and whose gamma is 2.2.
    let png =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAAyWlDQ1B4AAB42mNgYLyTl5+XyuTAwJCbV1IU5O6kEBEZpcCABBKTiwsY8IJv1x"
      + "gYQfRlXQbSAWdKanEykP4AxPHJBUUlDAyMAUA2T3lJAYgdA2SLFAEdBWSD3CGSDmG3gNhJEPYMsJqQIGcgew2QLZAOYe8BsZMg7DMgNtQuEGAt"
      + "SS0uYaAyKEmtAJsJClNEOH67Cg0fHYSYyiIGBv5mBoZt5xFiSVMZGLa3MTBI3EaI5S9hYLD4ysDA3JdcWlQGtYaRyZiBgRAfAEq6PAMgOdQQAA"
      + "AADElEQVR4nGP4VWEDAAQeAa/cMvIvAAAAAElFTkSuQmCC"
    func pixel(_ profiles: ColorProfiles) throws -> [UInt8] {
      var recipe = ImagesRecipe()
      (recipe.size, recipe.profiles) = (ImageSize(1), profiles)
      let one = One(bytes: try Array(#require(Data(base64Encoded: png))))
      return try ExamplePipeline(one, images: recipe, seed: 1).example(0, at: 0).image.bytes
    }
    #expect(try pixel(.ignored) == [250, 120, 60])
    #expect(zip(try pixel(.converted), [60, 120, 250]).allSatisfy { abs(Int($0.0) - Int($0.1)) <= 6 })
    #expect(ImagesRecipe().profiles == .converted)
  }

  @Test func bringsPicturesToTheChannelsThatAreWanted() throws {
    struct One: Dataset {
      let image: Image, count = 1, classNames: [String] = []
      var shape: ImageShape? { ImageShape(height: 1, width: 1, channels: image.channels) }
      var channels: Int { image.channels }
      subscript(index: Int) -> Picture { Picture(.pixels(image), name: "one") }
    }
    func pixel(_ samples: [UInt8], _ channels: Int?, background: [Int] = [255]) throws -> [UInt8] {
      var recipe = ImagesRecipe()
      (recipe.channels, recipe.background) = (channels, background)
      let image = Image(width: 1, height: 1, channels: samples.count, bytes: samples)
      return try ExamplePipeline(One(image: image), images: recipe, seed: 1).example(0, at: 0).image.bytes
    }
    #expect(try pixel([10, 20, 30, 0], nil) == [10, 20, 30, 0])
    #expect(try pixel([10, 20, 30, 0], 3) == [255, 255, 255])
    #expect(try pixel([10, 20, 30, 0], 3, background: [1, 2, 3]) == [1, 2, 3])
    #expect(try pixel([10, 20, 30, 255], 3) == [10, 20, 30])
    #expect(try pixel([10, 0], 1, background: [200, 200, 200]) == [200])
    #expect(try pixel([10], 3) == [10, 10, 10])
    #expect(try pixel([10], 4) == [10, 10, 10, 255])
    #expect(try pixel([200, 0, 0], 1) == [60])
  }

  // MARK: Chance

  @Test func mirrorsEachDirectionAsOftenAsItSays() throws {
    let album = Album(height: 2, width: 2), whole = Album.map(ImageSize(2))
    func shares(_ flip: ImagesRecipe.Flip, _ probability: Double) throws -> (across: Double, over: Double) {
      var recipe = ImagesRecipe()
      (recipe.flip, recipe.flipProbability) = (flip, probability)
      let first = try images(album, recipe, count: 400).map { Int($0.bytes[0]) }
      return (Double(first.filter { $0 % 16 == 1 }.count) / 400, Double(first.filter { $0 / 16 == 1 }.count) / 400)
    }
    #expect(try shares(.none, 1) == (0, 0))
    #expect(try shares(.horizontal, 1) == (1, 0))
    #expect(try shares(.vertical, 1) == (0, 1))
    let both = try shares(.both, 0.25)
    // Four deviations of 400 draws: 0.087.
    #expect(abs(both.across - 0.25) < 0.09 && abs(both.over - 0.25) < 0.09)
    #expect(try images(album, ImagesRecipe()) == [whole])
  }

  @Test func dependsOnSeedAndPositionAlone() throws {
    let album = Album(height: 12, width: 14)
    var recipe = try ImagesRecipe(ImageSize(3), "tile")
    let tiles = try images(album, recipe, count: 20)
    let pipeline = try ExamplePipeline(album, images: recipe, seed: 1)
    for position in (0..<20).reversed() { #expect(try pipeline.example(0, at: position).image == tiles[position]) }
    #expect(try images(album, recipe, seed: 2, count: 20) != tiles)
    // One more purpose of chance moves no other.
    (recipe.flip, recipe.flipProbability) = (.horizontal, 1)
    let mirrored = try images(album, recipe, count: 20)
    #expect(mirrored.map { $0.flippedHorizontally() } == tiles)
  }

  // MARK: Recipes

  @Test func isWrittenAsASection() throws {
    struct Wrapper: RecipeKit.Recipe { var images = ImagesRecipe() }
    let recipe = try Wrapper(yaml: "images: { size: [96, 128], fit: { type: random_crop, min_fraction: 0.5 }, channels: 3, flip: both }")
      .images
    #expect(recipe.size == ImageSize(height: 96, width: 128))
    #expect((recipe.fit.recipe as? RandomCrop)?.minFraction == 0.5)
    let again = try Wrapper(yaml: Wrapper(yaml: "images: { size: [96, 128], fit: tile }").yaml())
    #expect(again.images.size == recipe.size && again.images.fit.type == "tile")
    #expect(try Wrapper(yaml: "", set: ["images.size=32"]).images.size == ImageSize(32))
    #expect(try Wrapper(yaml: "images: { size: 32 }").yaml().contains("size: 32\n"))
    for (yaml, words) in [
      ("size: [1, 2, 3]", "images.size: expected the side of a square, such as 64, or [height, width]"), ("size: 0", "expected 1 to 65536"),
      ("fit: center_krop", "did you mean 'center_crop'"), ("fit: { type: random_crop, min_fraction: 2 }", "min_fraction"),
      ("background: [1, 2]", "one value or three"), ("channels: 5", "expected 1 to 4"), ("flip: diagonal", "one of none, horizontal"),
    ] {
      let error = #expect(throws: RecipeError.self) { try Wrapper(yaml: "images: { \(yaml) }") }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
  }
}

extension Album {
  init(sizes: [ImageSize]) {
    self.init(count: 0)
    self.sizes = sizes
  }
}
