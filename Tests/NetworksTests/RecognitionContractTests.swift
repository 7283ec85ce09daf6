import NN
@testable import Networks
import RecipeKit
import Tensors
import Testing

/// What every network that a checkpoint can belong to promises of its recognition.
@Suite("Recognition of every network") struct RecognitionContractTests {
  /// Recipes of small networks: those of the contract, each classifier, each upscaler.
  static let recipes: [any RecognisableRecipe] = {
    let denoisers = TinyNetworks.names.compactMap { try? TinyNetworks.recipe($0) as any RecognisableRecipe }
    let classifiers = EncoderClassifier.Pool.allCases.map { pool -> any RecognisableRecipe in
      var recipe = EncoderClassifier.Recipe()
      (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks, recipe.numHeadChannels) = (32, [1, 2], 1, 32)
      (recipe.attentionResolutions, recipe.pool) = ([4], pool)
      recipe.adapt(to: TinyNetworks.facts)
      return recipe
    }
    var rrdb = RRDBNet.Recipe(), compact = SRVGGNetCompact.Recipe()
    (rrdb.numFeat, rrdb.numBlock, rrdb.numGrowCh, rrdb.scale) = (8, 2, 4, 2)
    (compact.numFeat, compact.numConv, compact.upscale) = (8, 3, 3)
    return denoisers + classifiers + [rrdb, compact]
  }()

  static let everyType =
    TrainableNetworkRegistry.recognisable + ClassifierRegistry.recognisable + UpscalerRegistry.recognisable

  private func shapes(_ recipe: any RecognisableRecipe) throws -> CheckpointShapes {
    CheckpointShapes(try recipe.makeModule(using: .shapes).state().map { ($0.name, $0.entry.value.shape) })
  }

  /// The lines of two recipes' YAML that differ, as those of the first.
  private func differences(_ a: any RecognisableRecipe, _ b: any RecognisableRecipe) -> [String] {
    zip(a.yaml().split(separator: "\n"), b.yaml().split(separator: "\n")).filter { $0 != $1 }
      .map { $0.0.trimmingPrefix { $0 == " " }.description }
  }

  private func fitted(_ recipe: any RecognisableRecipe, to shapes: CheckpointShapes) -> (any RecognisableRecipe)? {
    recipe.fitted(to: shapes)
  }

  private func changed(_ recipe: any RecognisableRecipe, by setting: String) throws -> any RecognisableRecipe {
    try recipe.overlaid(yaml: "", file: "recipe.yaml", set: [setting])
  }

  @Test func everyMemberOfTheRegistriesIsTested() {
    let examined = Set(Self.recipes.map { type(of: $0).name })
    #expect(examined == Set(TrainableNetworkRegistry.names + ClassifierRegistry.names + UpscalerRegistry.names))
    #expect(Self.everyType.map { $0.name } == TrainableNetworkRegistry.names + ClassifierRegistry.names + UpscalerRegistry.names)
  }

  @Test(arguments: recipes.indices) func aCheckpointIsRecognisedAsItsNetworkAndAsNoOther(index: Int) throws {
    let recipe = Self.recipes[index], shapes = try shapes(recipe)
    let found = Self.everyType.compactMap { $0.recognised(from: shapes, side: 8)?.recipe }
    #expect(found.map { type(of: $0).name } == [type(of: recipe).name])
    #expect(type(of: recipe).hasNames(shapes.names))
    let first = try #require(found.first), again = try self.shapes(first)
    #expect(again.names == shapes.names && again.names.allSatisfy { again[$0] == shapes[$0] })
  }

  @Test(arguments: recipes.indices) func theShapesContradictNothingOfTheirOwnRecipe(index: Int) throws {
    let recipe = Self.recipes[index]
    let own = try shapes(recipe), found = try #require(fitted(recipe, to: own))
    let lines = differences(recipe, found)
    #expect(lines == [])
  }

  @Test(arguments: TinyNetworks.names) func aChangedOptionIsTheOneThatTheShapesContradict(name: String) throws {
    let setting = try TinyNetworks.tiny(name).change
    let recipe = try TinyNetworks.recipe(name), other = try changed(recipe, by: setting)
    let own = try shapes(recipe), corrected = try #require(fitted(other, to: own))
    let wrong = differences(other, corrected), left = differences(corrected, recipe)
    #expect(wrong == [setting.replacing("=", with: ": ")] && left.isEmpty)
  }

  @Test(arguments: recipes.indices) func aCheckpointWithAnExtraOrMissingTensorIsNotRecognised(index: Int) throws {
    let recipe = Self.recipes[index], shapes = try shapes(recipe), type = type(of: recipe)
    let tensors = shapes.names.map { (name: $0, shape: shapes[$0]!) }
    #expect(type.recognised(from: CheckpointShapes(tensors + [("one.more", [1])]), side: 8) == nil)
    #expect(type.recognised(from: CheckpointShapes(tensors.dropLast()), side: 8) == nil)
    #expect(type.recognised(from: CheckpointShapes([]), side: 8) == nil)
  }

  /// A header costs nothing to write: whatever it claims, recognition ends without a trap.
  @Test(arguments: recipes.indices) func absurdShapesAreNotRecognised(index: Int) throws {
    let recipe = Self.recipes[index], shapes = try shapes(recipe), type = type(of: recipe)
    let tensors = shapes.names.map { (name: $0, shape: shapes[$0]!) }
    for place in tensors.indices {
      for (axis, size) in [(0, Int.max), (1, Int.max), (1, 0), (1, 1 << 24)] where tensors[place].shape.indices.contains(axis) {
        var absurd = tensors
        absurd[place].shape[axis] = size
        #expect(type.recognised(from: CheckpointShapes(absurd), side: 8) == nil, "\(tensors[place].name) \(axis) \(size)")
      }
    }
    let blocks = (0..<9000).map { (name: "input_blocks.\($0).0.weight", shape: [1, 1]) }
    #expect(Self.everyType.allSatisfy { $0.recognised(from: CheckpointShapes(tensors + blocks), side: 8) == nil })
  }

  // MARK: Bounds

  /// Every whole number of a recipe, and every list of numbers, at values that no network has.
  @Test(arguments: recipes.indices) func absurdOptionsAreRefusedAtOnce(index: Int) throws {
    let recipe = Self.recipes[index]
    var path: [String] = []
    for line in recipe.yaml().split(separator: "\n") {
      let depth = line.prefix { $0 == " " }.count / 2, key = line.dropFirst(2 * depth).prefix { $0 != ":" }
      path = path.prefix(depth) + [String(key)]
      let value = line.dropFirst(2 * depth + key.count + 1).drop { $0 == " " }
      let isList = value.wholeMatch(of: /\[[-0-9., ]*\]/) != nil
      guard isList || value.wholeMatch(of: /-?[0-9]+|null/) != nil, key != "mid_block_type" else { continue }
      for absurd in ["9223372036854775807", "-9223372036854775808", "1000000000"] {
        let setting = "\(path.joined(separator: "."))=\(isList ? "[\(absurd)]" : absurd)", start = ContinuousClock.now
        #expect(throws: RecipeError.self, "\(type(of: recipe).name) \(setting)") {
          _ = try changed(recipe, by: setting).makeModule(using: .shapes)
        }
        #expect(ContinuousClock.now - start < .seconds(1), "\(type(of: recipe).name) \(setting)")
      }
    }
  }
}
