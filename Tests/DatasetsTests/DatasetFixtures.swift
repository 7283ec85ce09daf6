import Foundation
import Imaging
import RecipeKit

@testable import Datasets

/// A small data set on the disk, and what is known of it.
struct DatasetFixture {
  var recipe: any DatasetRecipe
  let count: Int
  /// The same recipe for a path where nothing is; nil for sets that read no files.
  var absent: (recipe: any DatasetRecipe, path: String)?
}

/// One fixture for each type of data set that a recipe can name.
enum DatasetFixtures {
  /// By the name in the registry.
  static let factories: [String: @Sendable (SourceFolder) throws -> DatasetFixture] = [
    "folder": folder, "idx": idxFiles, "sprites": sprites, "arrays": arrays, "cifar": cifar, "glyphs": { _ in glyphs() }, "mix": mix,
  ]

  private static func folder(_ place: SourceFolder) throws -> DatasetFixture {
    for (index, name) in ["a/1.png", "a/2.png", "b/3.png", "b/c/4.png"].enumerated() {
      try place.write(PictureFolder.picture(index), to: "pictures/\(name)")
    }
    var recipe = FolderDataset.Recipe(), absent = recipe
    recipe.path = "\(place.path)/pictures"
    absent.path = "\(place.path)/nothing"
    return DatasetFixture(recipe: recipe, count: 4, absent: (absent, absent.path))
  }

  private static func idxFiles(_ place: SourceFolder) throws -> DatasetFixture {
    var recipe = IDXDataset.Recipe()
    recipe.images = try place.write(idx([3, 2, 3], (0..<18).map { UInt8($0) }), to: "images")
    recipe.labels = try place.write(idx([3], [0, 2, 1]), to: "labels")
    var absent = recipe
    absent.images = "\(place.path)/nothing"
    return DatasetFixture(recipe: recipe, count: 3, absent: (absent, absent.images))
  }

  private static func sprites(_ place: SourceFolder) throws -> DatasetFixture {
    let sheet = Image(width: 8, height: 8, channels: 1, bytes: (0..<64).map { UInt8($0 * 3) })
    var recipe = SpriteDataset.Recipe()
    recipe.path = try place.write(sheet.encoded(), to: "sheet.png")
    (recipe.cell, recipe.classFrom) = ([4, 4], .row)
    var absent = recipe
    absent.path = "\(place.path)/nothing"
    return DatasetFixture(recipe: recipe, count: 4, absent: (absent, absent.path))
  }

  private static func arrays(_ place: SourceFolder) throws -> DatasetFixture {
    var recipe = ArrayDataset.Recipe()
    recipe.images = try place.write(npy("|u1", [2, 5, 6, 3], (0..<180).map { UInt8($0) }), to: "images.npy")
    recipe.labels = try place.write(npy("|u1", [2], [1, 0]), to: "labels.npy")
    var absent = recipe
    absent.images = "\(place.path)/nothing.npy"
    return DatasetFixture(recipe: recipe, count: 2, absent: (absent, absent.images))
  }

  private static func cifar(_ place: SourceFolder) throws -> DatasetFixture {
    try place.write([7] + (0..<3072).map { UInt8($0 & 255) } + [3] + [UInt8](repeating: 9, count: 3072), to: "cifar/test_batch.bin")
    var recipe = CIFARDataset.Recipe()
    (recipe.path, recipe.split) = ("\(place.path)/cifar", .test)
    var absent = recipe
    absent.path = "\(place.path)/nothing"
    return DatasetFixture(recipe: recipe, count: 2, absent: (absent, absent.path))
  }

  private static func glyphs() -> DatasetFixture {
    var recipe = GlyphDataset.Recipe()
    (recipe.size, recipe.count) = (ImageSize(height: 12, width: 10), 6)
    return DatasetFixture(recipe: recipe, count: 6)
  }

  private static func mix(_ place: SourceFolder) throws -> DatasetFixture {
    let files = try idxFiles(place)
    var recipe = MixedDataset.Recipe(), absent = recipe
    recipe.sources = [Choice(glyphs().recipe), Choice(files.recipe)]
    absent.sources = files.absent.map { [Choice($0.recipe)] } ?? []
    return DatasetFixture(recipe: recipe, count: 9, absent: files.absent.map { (absent, $0.path) })
  }
}
