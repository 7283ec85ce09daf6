import Foundation
import Models
import Networks
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Memory estimates") struct MemoryEstimateTests {
  private func recipe(_ network: String = "") throws -> ModelRecipe {
    try ModelRecipe(
      yaml: """
        data: { channels: 3, height: 32, width: 32 }
        network: { type: adm_unet, model_channels: 32, channel_mult: [1, 2], num_res_blocks: 1, attention_resolutions: [16]\(network) }
        """
    ).adapted()
  }

  private func training(_ recipe: ModelRecipe, _ images: Int, _ precision: Precision = .float32) throws -> Int {
    try #require(try MemoryEstimate.training(of: recipe, images: images, precision)).bytes
  }

  /// A wide network and a small image: activations are negligible, and transformed weights of so many channels are not kept.
  @Test func trainingHoldsWeightsNineTimesAndUseTwice() throws {
    var recipe = try ModelRecipe(
      yaml: """
        data: { channels: 3, height: 4, width: 4 }
        network: { type: adm_unet, model_channels: 320, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
        """)
    recipe = recipe.adapted()
    let weights = try recipe.shapedNetwork().module.parameterCount * 4
    // Parameters, gradients, two moments and the average, and all but the gradients again for a checkpoint.
    let held = Double(try training(recipe, 1) - MemoryEstimate.program) / Double(weights)
    #expect(held > 9 && held < 9.5)
    // As read, and packed.
    let used = Double(try MemoryEstimate.use(of: recipe, images: 1, .float32).bytes - MemoryEstimate.program) / Double(weights)
    #expect(used > 2 && used < 2.2)
    let halved = Double(try MemoryEstimate.use(of: recipe, images: 1, .bfloat16).bytes - MemoryEstimate.program) / Double(weights)
    // As read, and either cast and packed for the images' size, both in half the bytes, or, where a processor computes bfloat16 in float32,
    // once in float32.
    #expect(halved > 1.9 && halved < 2.2, "\(halved)")
  }

  @Test func moreImagesNeedMoreAndLowPrecisionNeedsLess() throws {
    let recipe = try recipe()
    let some = try training(recipe, 8), more = try training(recipe, 32)
    #expect(more > some && more - MemoryEstimate.program < 4 * (some - MemoryEstimate.program))
    #expect(try training(recipe, 32, .bfloat16) < more)
    let uses = try [1, 32].map { try MemoryEstimate.use(of: recipe, images: $0, .float32).bytes }
    #expect(uses[0] < uses[1] && uses[1] < more)
  }

  @Test func recomputationNeedsLess() throws {
    #expect(try training(recipe(", use_checkpoint: true"), 32) < training(recipe(), 32) * 4 / 5)
  }

  @Test func guidanceDoublesTheBatch() throws {
    var guided = try Tiny.model().recipe
    #expect(guided.passesPerImage == 2)
    guided.sampling.guidanceScale = 1
    #expect(guided.passesPerImage == 1)
  }

  @Test func everyKindOfModelIsEstimated() throws {
    let classifier = try MemoryEstimate.all(of: Tiny.classifier().recipe, batches: [1, 2])
    #expect(Set(classifier.map(\.work)) == [.guiding, .training])
    #expect(classifier.filter { $0.work == .guiding }.allSatisfy { $0.precision == .float32 })
    var upscaler = UpscalerModelRecipe(), network = RRDBNet.Recipe()
    network.numBlock = 1
    upscaler.upscaler = Choice(network)
    #expect(try MemoryEstimate.all(of: upscaler, batches: [1, 2]).map(\.work) == [.upscaling, .upscaling])
    var enlarger = SuperResolutionModelRecipe()
    var restorer = SuperResolutionUNet.Recipe()
    restorer.unet.modelChannels = 32
    restorer.unet.attentionResolutions = []
    enlarger.superResolution = Choice(restorer)
    let estimates = try MemoryEstimate.all(of: enlarger, batches: [1, 2])
    #expect(estimates.count == 8 && estimates.allSatisfy { $0.bytes > MemoryEstimate.program })
  }

  @Test func findsTheLargestBatchThatFits() {
    for limit in [1, 2, 3, 7, 64, 1000] {
      for fitting in [0, 1, 2, 5, 63, 900] where fitting < limit {
        let found = TrainingMemory.largestBatch(below: limit) { $0 <= fitting }
        #expect(found <= fitting && found >= fitting - fitting / 8, "\(found) of \(fitting) below \(limit)")
      }
    }
  }

  @Test func suggestsABatchThatFits() throws {
    let recipe = try recipe(), training = TrainingRecipe()
    func memory(_ available: Int?) throws -> TrainingMemory {
      try TrainingMemory(of: recipe, training, available: available)
    }
    let needed = try memory(nil).estimate.bytes
    #expect(try memory(nil).fittingBatch == nil && memory(needed).fittingBatch == nil)
    let fitting = try #require(try memory(needed - 1).fittingBatch)
    #expect(fitting < training.batchSize && fitting > training.batchSize / 2)
    #expect(try memory(1000).fittingBatch == 0)
  }

  @Test func respectsControlGroupLimits() throws {
    let folder = try ScratchFolder()
    func machine() -> Int? { LinuxMemory(root: folder.path).bytes }
    #expect(machine() == nil)
    _ = try folder.write("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n", to: "proc/meminfo")
    _ = try folder.write("Name:\tx\nVmRSS:\t   100 kB\n", to: "proc/self/status")
    #expect(machine() == 5100 * 1024)
    _ = try folder.write("0::/user/job\n", to: "proc/self/cgroup")
    _ = try folder.write("max\n", to: "sys/fs/cgroup/user/job/memory.max")
    #expect(machine() == 5100 * 1024)
    _ = try folder.write("3000000\n", to: "sys/fs/cgroup/user/memory.max")
    _ = try folder.write("1000000\n", to: "sys/fs/cgroup/user/memory.current")
    _ = try folder.write("anon 7\ninactive_file 500000\n", to: "sys/fs/cgroup/user/memory.stat")
    #expect(machine() == 100 * 1024 + 2_500_000)
    _ = try folder.write("7:memory:/old\n1:cpu:/other\n", to: "proc/self/cgroup")
    _ = try folder.write("4000\n", to: "sys/fs/cgroup/memory/old/memory.limit_in_bytes")
    _ = try folder.write("9000\n", to: "sys/fs/cgroup/memory/old/memory.usage_in_bytes")
    #expect(machine() == 100 * 1024)
  }

  // MARK: Sampling

  @Test func aBatchThatDoesNotFitIsRefusedWithOneThatDoes() throws {
    let recipe = try recipe(), one = try MemoryEstimate.use(of: recipe, images: 1, .float32).bytes
    #expect(throws: Never.self) { try SamplingMemory.check(recipe, images: 50, .float32, available: 64 << 30) }
    let some = refusal { try SamplingMemory.check(recipe, images: 5000, .float32, available: one + 100_000_000) }
    #expect(some?.failure == .memory)
    #expect(some?.description.contains("5000 images at a time of 32 x 32 in float32 needs about") == true, "\(String(describing: some))")
    let words = try #require(some?.description.components(separatedBy: "use --batch ").last), batch = try #require(Int(words))
    #expect(try MemoryEstimate.use(of: recipe, images: batch, .float32).bytes <= one + 100_000_000)
    let none = refusal { try SamplingMemory.check(recipe, images: 5, .float32, available: one / 2) }
    #expect(none?.description.contains("not even one image fits") == true, "\(String(describing: none))")
  }

  @Test func sizesThatNoMachineHoldsAreRefusedBeforeTheNetworkIsTraced() throws {
    var recipe = try recipe()
    (recipe.data.height, recipe.data.width) = (65536, 65536)
    let error = refusal { try SamplingMemory.check(recipe, images: 10_000_000, .bfloat16, available: 64 << 30) }
    #expect(error?.failure == .memory && error?.description.contains("65536 x 65536") == true, "\(String(describing: error))")
  }
}
