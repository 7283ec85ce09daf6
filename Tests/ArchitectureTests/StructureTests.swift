import Foundation
import Testing

/// Where files may lie, and what every public error is.
@Suite("The structure") struct StructureTests {
  static let mostFilesInAFolder = 24
  /// One sampler is one file, and there are many.
  static let largeFolders: Set = ["Sources/Diffusion/Samplers"]

  let sources = Checkout.files.filter { $0.path.hasPrefix("Sources/") }

  @Test func noFolderOfSourcesOrTestsHoldsMoreFilesThanFitOnAScreen() {
    let sources = Checkout.files.filter { $0.path.hasSuffix(".swift") || $0.path.hasPrefix("Sources/") }
    let folders = Dictionary(grouping: sources) { ($0.path as NSString).deletingLastPathComponent }
    let large = folders.filter { $0.value.count > Self.mostFilesInAFolder && !Self.largeFolders.contains($0.key) }
    let problems = large.map { "\($0.key): \($0.value.count) files; at most \(Self.mostFilesInAFolder): make folders by subject" }
    #expect(problems.sorted() == [])
  }

  @Test func everyFileOfWorkflowsLiesInTheFolderOfATask() {
    let loose = sources.map(\.path).filter { $0.hasPrefix("Sources/Workflows/") && $0.split(separator: "/").count == 3 }
    #expect(loose == [])
  }

  @Test func everyTargetInTheTableHasSources() {
    let empty = ImportTable.sfumato.rows.keys.filter { name in !sources.contains { $0.target == name } }
    #expect(empty.sorted() == [], "rows of ImportTable.swift for what is not built")
  }

  @Test func everyModuleOfOthersInTheTableIsInTheManifest() throws {
    let text = try String(contentsOf: Checkout.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let used = Manifest(text).targets.reduce(into: Set()) { $0.formUnion($1.dependencies) }
    #expect(ImportTable.external.subtracting(used).sorted() == [])
    let allowed = ImportTable.sfumato.rows.values.reduce(into: Set()) { $0.formUnion($1.mayImport) }
    #expect(ImportTable.external.subtracting(allowed).sorted() == [])
  }

  /// One that is not counts as a bug of the program: exit code 70.
  @Test func everyPublicErrorClassifiesItself() {
    var errors: Set<String> = [], classified: Set<String> = []
    for file in sources where file.type == "swift" {
      for declaration in SourceText.declarations(in: file.text ?? "") {
        if declaration.isPublic, declaration.conformances.contains("Error") { errors.insert(declaration.name) }
        if declaration.conformances.contains("ClassifiedError") { classified.insert(declaration.name) }
      }
    }
    #expect(classified.count > 5)
    #expect(errors.subtracting(classified).sorted() == [], "these say Error; they should say ClassifiedError")
  }

  /// Foundation's `deletingLastPathComponent` of a string ends the program for a name of one letter.
  @Test func foldersOfPathsAreTakenByOurOwnFunction() {
    let found = sources.filter { $0.type == "swift" && ($0.text ?? "").contains(#/as NSString\)\s*\.deletingLastPathComponent/#) }
    #expect(found.map(\.path) == [], "expected String.parentFolder")
  }

  /// Each file that includes one itself parses for seconds what is compiled as a module.
  @Test func headersOfLibtorchAreIncludedInOnePlace() {
    let found = sources.filter { ["cpp", "h", "c"].contains($0.type) && ($0.text ?? "").contains(/#include <(ATen|c10|torch)\//) }
    #expect(found.map(\.path) == ["Sources/CTorch/support/libtorch.h"])
  }

  // MARK: The readers of sources and documents

  @Test func declarationsAreReadWithTheirConformances() {
    let source = """
      public struct A: Error, Equatable {
      // public struct B: Error {
      public enum C<T>: Sendable,
        Error where T: Sendable {
      struct D: Error {}
      extension A: @retroactive ClassifiedError {}
      """
    let found = SourceText.declarations(in: source)
    #expect(found.map(\.name) == ["A", "C", "D", "A"])
    #expect(found.map(\.isPublic) == [true, true, false, false])
    #expect(found.map(\.conformances) == [["Error", "Equatable"], ["Sendable", "Error"], ["Error"], ["ClassifiedError"]])
  }

  @Test func membersOfARegistryAndTheirNamesAreRead() {
    let source = """
      public enum R: RecipeRegistry {
        public static let all: [any NamedRecipe.Type] = Q.all + [
          A.self, B.Recipe.self,
        ]
      }
      struct A: Sampler { static let name = "a_1" }
      extension B { public struct Recipe: NetworkRecipe { public static let name = "b" } }
      struct AB { static let name = "ab" }
      """
    #expect(SourceText.registries(in: source).map(\.name) == ["R"])
    #expect(SourceText.registries(in: source).flatMap(\.members) == ["A", "B.Recipe"])
    #expect(SourceText.recipeName(of: "A", in: source) == "a_1")
    #expect(SourceText.recipeName(of: "B.Recipe", in: source) == "b")
    #expect(SourceText.recipeName(of: "C", in: source) == nil)
  }

  @Test func commandsAreReadByNameOrType() {
    let sources = [
      "struct Main: ParsableCommand { static let c = CommandConfiguration(commandName: \"m\", subcommands: [Sample.self, DataCommand.self]) \n}",
      "struct Sample: ParsableCommand { static let c = CommandConfiguration(abstract: \"x\")\n}",
      "struct DataCommand: ParsableCommand { static let c = CommandConfiguration(\n    commandName: \"data\")\n}",
    ]
    #expect(SourceText.commands(ofRoot: "Main", in: sources) == ["sample", "data"])
  }

  @Test func tablesPathsAndLinksOfADocumentAreRead() {
    let text = """
      | a | b |
      | --- | --- |
      | 1 | `x\\|y` |
      `Sources/NN/` and `Layers.swift`, `./dev test`, `dpmpp_2m`, `arr_0`
      ```
      `no/path.swift`
      ```
      [one](other.md#part), [two](https://x.org/a.md), [three](../dev), [four](#here)
      """
    let document = Document(path: "docs/a.md", text: text)
    #expect(document.rows == [["1", "`x|y`"]])
    #expect(document.namedPaths == ["Sources/NN/", "Layers.swift"])
    #expect(document.linkedPaths == ["docs/other.md", "dev"])
  }
}
