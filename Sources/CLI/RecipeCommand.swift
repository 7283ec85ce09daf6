import ArgumentParser
import Workflows

struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Show or check a recipe.", subcommands: [Show.self, Check.self])

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a recipe with every default filled in.")

    @Argument(help: "The recipe, a YAML file; without one the defaults.")
    var recipe: String?

    @Option(help: ArgumentHelp("Lay a value over the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    mutating func run() throws {
      try Console.result(RecipeInspection.resolved(recipe, set: set).trimmed)
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say whether a recipe could be trained: its keys and values, its data, its network.")

    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Option(help: ArgumentHelp("Lay a value over the recipe; may be repeated.", valueName: "key.path=value"))
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
