import RecipeKit

/// A recipe with a property of every kind.
struct TrainRecipe: Recipe, Equatable {
  var network = Choice<NetworkRegistry>(UNet())
  var sampler = Choice<SamplerRegistry>(DDIM())
  var training = TrainingSection()
  var stages: [Stage] = []
  var note = "first", evaluate = true

  static func == (a: Self, b: Self) -> Bool { a.yaml() == b.yaml() }
}

struct TrainingSection: Recipe {
  var batchSize = 64, learningRate = 1e-4, betas = [0.9, 0.999], warmupImages: Int?
  var duration = TrainingDuration.images(1_000_000), precision = Precision.float32
  var ema: EMA? = EMA(), dropEvery: [Int?] = [nil, 2], weights: [String: Double] = [:], grid = [[1, 2], [3]], seed: UInt8 = 7

  func validate() throws(RecipeError) {
    try require(batchSize > 0, "batch_size", "expected 1 or more, found \(batchSize)")
    try require(learningRate < 1 || batchSize > 1, "learning_rate", "expected less than 1 at batch size 1, found \(learningRate)")
  }
}

struct EMA: Recipe {
  var rate = 0.9999, minSNRGamma: Float = 5, x0Weight = 1.0
}

struct Stage: Recipe {
  var size = 32, name = "stage", sampler = Choice<SamplerRegistry>(DDIM())

  func validate() throws(RecipeError) {
    try require(size % 8 == 0, "size", "expected a multiple of 8, found \(size)")
  }
}

enum Precision: String, Codable, CaseIterable { case float32, bfloat16, mixedLow = "mixed_low" }

protocol Sampler: NamedRecipe {}
struct DDIM: Sampler { static let name = "ddim"; var eta = 0.0 }
struct DPMSolverPP2M: Sampler { static let name = "dpmpp_2m" }
struct Heun: Sampler { static let name = "heun"; var sChurn = 0.0, eta = 0.25 }
enum SamplerRegistry: RecipeRegistry {
  typealias Member = any Sampler
  static let all: [any NamedRecipe.Type] = [DDIM.self, DPMSolverPP2M.self, Heun.self]
}

struct UNet: NamedRecipe {
  static let name = "adm_unet"
  var modelChannels = 128, channelMult = [1, 2, 3, 4], attentionResolutions = [16, 8], dropout = 0.0
}
struct RRDB: NamedRecipe { static let name = "rrdb"; var features = 64, blocks = 23 }
enum NetworkRegistry: RecipeRegistry {
  typealias Member = any NamedRecipe
  static let all: [any NamedRecipe.Type] = [UNet.self, RRDB.self]
}
