import Testing

@testable import RecipeKit

@Suite("Printing a recipe") struct RecipePrintingTests {
  @Test func theDefaultsPrintInOrderOfDeclaration() {
    #expect(
      TrainRecipe().yaml() == """
        network:
          type: adm_unet
          model_channels: 128
          channel_mult: [1, 2, 3, 4]
          attention_resolutions: [16, 8]
          dropout: 0.0
        sampler:
          type: ddim
          eta: 0.0
        training:
          batch_size: 64
          learning_rate: 0.0001
          betas: [0.9, 0.999]
          warmup_images: null
          duration: 1000000
          precision: float32
          ema:
            rate: 0.9999
            min_snr_gamma: 5.0
            x0_weight: 1.0
          drop_every: [null, 2]
          weights: {}
          grid: [[1, 2], [3]]
          seed: 7
        stages: []
        note: first
        evaluate: true

        """)
  }

  @Test func whatIsPrintedDecodesToTheSameRecipe() throws {
    var recipe = TrainRecipe()
    recipe.network = Choice(RRDB(features: 3))
    recipe.sampler = Choice(DPMSolverPP2M())
    recipe.training.learningRate = 1.2345678901234567e-7
    recipe.training.betas = Array(stride(from: 0.5, to: 30, by: 0.25))
    recipe.training.weights = ["a b": 1e300, "on": -.infinity, "3": 2.3e-308]
    recipe.training.ema = nil
    recipe.training.warmupImages = -9
    recipe.training.duration = .seconds(5400)
    recipe.training.precision = .mixedLow
    recipe.stages = [Stage(size: 8, name: "- odd: #name", sampler: Choice(Heun(eta: 0.1))), Stage()]
    recipe.evaluate = false
    let again = try TrainRecipe(yaml: recipe.yaml())
    #expect(again.yaml() == recipe.yaml())
    #expect(again.training.learningRate == recipe.training.learningRate && again.training.betas == recipe.training.betas)
    #expect(again.training.weights == recipe.training.weights && again.training.ema == nil)
    #expect(again.stages.map { $0.name } == ["- odd: #name", "stage"] && (again.stages[0].sampler.recipe as? Heun)?.eta == 0.1)
    #expect(recipe.yaml().contains("  - size: 8\n    name: \"- odd: #name\"\n    sampler:\n      type: heun\n"))
  }

  @Test(arguments: [
    "", " ", "a", "null", "~", "yes", "True", "28", "1e5", "0x1F", "2024-01-01", "12:30", "a: b", "a #b", "#", "-", "- a", "'", "\"", "\\",
    "a\nb", "tab\t", "end ", "[x]", "{", "*a", "&a", "!t", "größe", "data/mnist/x.gz", "100 epochs", "é\u{301}", "\u{7F}\u{1}", "🦊",
    "a\u{2028}b", "\r\n", "%", "@x", "`", "=", "<<", ".5", "+1",
  ])
  func anyTextSurvives(text: String) throws {
    var recipe = TrainRecipe()
    recipe.note = text
    recipe.stages = [Stage(name: text)]
    recipe.training.weights = [text: 1]
    let again = try TrainRecipe(yaml: recipe.yaml())
    #expect(again.note == text && again.stages[0].name == text && again.training.weights == [text: 1])
    #expect(Array(again.note.unicodeScalars) == Array(text.unicodeScalars))
  }

  @Test(arguments: ["28", "1e5", "0x1F", "2024-01-01", "no", "Null", "1_000", ".5", "~", "a: b"])
  func textThatAnyReaderWouldTakeForSomethingElseIsQuoted(text: String) {
    #expect(Stage(name: text).yaml().contains("name: \"\(text)\"\n"))
  }

  @Test(arguments: [
    (2e-4, "0.0002"), (1e-5, "1.0e-5"), (1.5e-7, "1.5e-7"), (1e16, "1.0e+16"), (3, "3.0"), (0.1, "0.1"), (-0.0, "-0.0"),
    (.infinity, ".inf"), (-.infinity, "-.inf"), (123456.789, "123456.789"),
  ])
  func numbersPrintAsAPersonWritesThem(number: Double, text: String) {
    var recipe = EMA()
    recipe.rate = number
    #expect(recipe.yaml().hasPrefix("rate: \(text)\n"))
  }

  @Test func aLongListStandsOneElementToALine() {
    var recipe = UNet()
    recipe.channelMult = Array(1...40)
    #expect(recipe.yaml().contains("channel_mult:\n  - 1\n  - 2\n"))
  }
}
