import ArgumentParser
import Workflows

struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Print or check a recipe.", subcommands: [Show.self, Check.self])

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a recipe with all defaults filled in.")

    @Argument(help: "The recipe, a YAML file. Default: an empty one, which prints the defaults.")
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

    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Option(help: ArgumentHelp("Override a recipe value; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    mutating func run() throws {
      let facts = try RecipeInspection.check(recipe, set: set)
      try Console.result(
        "\(recipe) is good: \(facts.images) images, \(facts.classes) classes, \(Console.count(Double(facts.parameters))) parameters")
    }
  }
}

extension String {
  fileprivate var trimmed: String { last == "\n" ? String(dropLast()) : self }
}
