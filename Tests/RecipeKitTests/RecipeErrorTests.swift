import Testing

@testable import RecipeKit

@Suite("Messages of recipe errors") struct RecipeErrorTests {
  @Test func anUnknownKeyIsRefusedWithTheClosestKnownKey() {
    #expect(
      problem("network: { chanel_mult: [1] }", file: "recipes/cifar10.yaml")
        == "recipes/cifar10.yaml:1: unknown key 'chanel_mult' in 'network'; did you mean 'channel_mult'?")
    #expect(
      problem("", set: ["network.chanel_mult=[1, 2]"])
        == "--set network.chanel_mult=[1, 2]: unknown key 'chanel_mult' in 'network'; did you mean 'channel_mult'?")
    #expect(problem("note: a\n\nnetwrk: 3") == "r.yaml:3: unknown key 'netwrk'; did you mean 'network'?")
    #expect(
      problem("training:\n  ema:\n    decay: 1")
        == "r.yaml:3: unknown key 'decay' in 'training.ema'; known: rate, min_snr_gamma, x0_weight")
    #expect(
      problem("stages:\n  - size: 8\n  - sise: 8") == "r.yaml:3: unknown key 'sise' in 'stages[1]'; did you mean 'size'?")
  }

  @Test func theKeysOfAnotherTypeAreRefused() {
    #expect(problem("sampler:\n  sampler: 1\n") == "r.yaml:2: unknown key 'sampler' in 'sampler'; known: type, eta")
    #expect(
      problem("sampler: { eta: 1, type: dpmpp_2m }") == "r.yaml:1: unknown key 'eta' in 'sampler'; known: type")
    #expect(
      problem("network:\n  type: rrdb\n  dropout: 0.1\n") == "r.yaml:3: unknown key 'dropout' in 'network'; known: type, features, blocks")
  }

  @Test func anUnknownTypeIsRefusedWithTheClosestOne() {
    #expect(problem("sampler: { type: dimm }") == "r.yaml:1: unknown type 'dimm' in 'sampler'; did you mean 'ddim'?")
    #expect(
      problem("", set: ["sampler.type=euler_a"])
        == "--set sampler.type=euler_a: unknown type 'euler_a' in 'sampler'; known: ddim, dpmpp_2m, heun")
    #expect(problem("sampler: dimm") == "r.yaml:1: unknown type 'dimm' in 'sampler'; did you mean 'ddim'?")
    #expect(problem("sampler: [heun]") == "r.yaml:1: sampler: expected ddim or a section such as { type: ddim }, found a list")
  }

  @Test(arguments: [
    ("training: { batch_size: abc }", "r.yaml:1: training.batch_size: expected a whole number, found 'abc'"),
    ("training: { batch_size: 1.5 }", "r.yaml:1: training.batch_size: expected a whole number, found '1.5'"),
    ("training: { batch_size: '8' }", "r.yaml:1: training.batch_size: expected a whole number, found the quoted text '8'"),
    ("training:\n  batch_size:\n", "r.yaml:2: training.batch_size: expected a whole number, found nothing"),
    ("training: { batch_size: [8] }", "r.yaml:1: training.batch_size: expected a whole number, found a list"),
    ("training: { warmup_images: soon }", "r.yaml:1: training.warmup_images: expected a whole number, found 'soon'"),
    ("training: { seed: 256 }", "r.yaml:1: training.seed: expected a whole number from 0 to 255, found '256'"),
    ("training: { seed: -1 }", "r.yaml:1: training.seed: expected a whole number from 0 to 255, found '-1'"),
    ("training: { learning_rate: fast }", "r.yaml:1: training.learning_rate: expected a number, found 'fast'"),
    ("training: { learning_rate: 0x1p3 }", "r.yaml:1: training.learning_rate: expected a number, found '0x1p3'"),
    ("training: { learning_rate: .nan }", "r.yaml:1: training.learning_rate: expected a number, found '.nan'"),
    ("training: { learning_rate: 1e400 }", "r.yaml:1: training.learning_rate: expected a number below 1.8e308, found '1e400'"),
    ("training: { betas: 0.9 }", "r.yaml:1: training.betas: expected a list such as [1, 2], found '0.9'"),
    ("training:\n  betas:\n  - 1\n  - x", "r.yaml:4: training.betas[1]: expected a number, found 'x'"),
    ("evaluate: maybe", "r.yaml:1: evaluate: expected true or false, found 'maybe'"),
    ("note: [a]", "r.yaml:1: note: expected text, found a list"),
    ("note:", "r.yaml:1: note: expected text, found nothing"),
    ("training: 3", "r.yaml:1: training: expected a section of keys and values, found '3'"),
    ("[1, 2]", "r.yaml:1: expected a section of keys and values, found a list"),
    ("hello", "r.yaml:1: expected a section of keys and values, found 'hello'"),
    ("stages: { size: 8 }", "r.yaml:1: stages: expected a list such as [1, 2], found a section of keys and values"),
    (
      "training: { precision: bfloat }",
      "r.yaml:1: training.precision: expected one of float32, bfloat16, mixed_low, found 'bfloat'; did you mean 'bfloat16'?"
    ),
    (
      "training: { duration: 3 weeks }",
      "r.yaml:1: training.duration: expected a number of images, '100 epochs', or a time such as '2h', '30m', '90s' or '1h30m', "
        + "found '3 weeks'"
    ),
  ])
  func aWrongValueIsNamedWithWhatWasExpected(yaml: String, message: String) { #expect(problem(yaml) == message) }

  @Test func anImpossibleValueIsNamedWhereItWasGiven() {
    #expect(problem("training:\n  seed: 1\n  batch_size: -4") == "r.yaml:3: training.batch_size: expected 1 or more, found -4")
    #expect(
      problem("note: x", set: ["training.batch_size=0"])
        == "--set training.batch_size=0: training.batch_size: expected 1 or more, found 0")
    #expect(problem("stages:\n- size: 8\n- size: 12") == "r.yaml:3: stages[1].size: expected a multiple of 8, found 12")
  }

  @Test func aDefaultThatBecomesImpossibleIsBlamedOnItsSection() {
    struct Fragile: Recipe {
      var section = Section()
      struct Section: Recipe {
        var low = 1, high = 2
        func validate() throws(RecipeError) { try require(low < high, "high", "expected more than low, \(low), found \(high)") }
      }
    }
    let error = #expect(throws: RecipeError.self) { try Fragile(yaml: "\nsection: { low: 5 }", file: "f.yaml") }
    #expect(error?.description == "f.yaml:2: section.high: expected more than low, 5, found 2")
  }

  @Test func aSettingThatIsNoneIsRefused() {
    let expected = "expected a key path, '=' and a value, such as training.batch_size=64"
    for argument in ["training.batch_size", "=3", "training..x=1", ".x=1", "training.=1"] {
      #expect(problem("", set: [argument]) == "--set \(argument): \(expected)")
    }
    #expect(problem("", set: ["note.x=1"]) == "--set note.x=1: note: expected text, found a section of keys and values")
    #expect(problem("", set: ["training.betas=[1"]).hasPrefix("--set training.betas=[1: the YAML cannot be read: "))
    #expect(problem("", set: ["note="]) == "--set note=: note: expected text, found nothing")
  }
}
