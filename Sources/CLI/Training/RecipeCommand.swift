import ArgumentParser
import Workflows

struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Print, check or import a recipe.", subcommands: [Show.self, Check.self, Import.self])

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a recipe with all defaults filled in.")

    @Argument(help: "The recipe: a YAML file, or the name of a bundled one. Default: an empty one, which prints the defaults.")
    var recipe: String?

    @Option(help: ArgumentHelp("Override a recipe value; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    mutating func run() throws {
      try Console.result(RecipeInspection.resolved(recipe, set: set).trimmed)
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check keys, values, data and network of a recipe without training.")

    @Argument(help: "The recipe: a YAML file, or the name of a bundled one.")
    var recipe: String

    @Option(help: ArgumentHelp("Override a recipe value; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    mutating func run() throws {
      let facts = try RecipeInspection.check(recipe, set: set)
      try Console.result(
        "\(recipe) is good: \(facts.images) images, \(facts.classes) classes, \(Console.count(Double(facts.parameters))) parameters")
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a training of DL-Art-School as a recipe.",
      discussion: """
        What a recipe has no place for is listed on standard error; what would change the result is refused with its line.

        Examples:
          sfumato recipe import train_ddpm_unet.yml test_diffusion_unet.yml > restore-dlas.yaml
          sfumato convert 500000_generator_ema.pth restore-dlas.safetensors --recipe restore-dlas.yaml
        """)

    @Argument(help: "The training configuration, a YAML file.")
    var training: String

    @Argument(help: "The inference configuration, whose steps the recipe takes. Default: those of the training's evaluation.")
    var inference: String?

    mutating func run() throws {
      let found = try DLASImport(training: training, inference: inference)
      try Console.result(found.yaml.trimmed)
      for key in found.leftOut { Console.note("left out: \(key)") }
      for difference in found.differences { Console.note("different: \(difference)") }
      guard !found.strengths.isEmpty else { return }
      Console.note(
        "restore with the strengths \(found.strengths.map { "\($0)" }.joined(separator: ", ")), in the order of corruptions.fixed")
    }
  }
}

extension String {
  fileprivate var trimmed: String { last == "\n" ? String(dropLast()) : self }
}
