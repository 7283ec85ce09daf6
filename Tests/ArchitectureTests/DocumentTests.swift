import Foundation
import Testing

/// Documents name what is there, and all of it.
@Suite("The documents") struct DocumentTests {
  let sources = Checkout.files.filter { $0.target != nil && $0.type == "swift" }

  // MARK: Paths

  /// A path from the root or from `Sources`, or a bare name that exactly one file has.
  private func exists(_ path: String) -> Bool {
    let wanted = path.hasSuffix("/") ? String(path.dropLast()) : path
    if !wanted.contains("/"), !FileManager.default.fileExists(atPath: Checkout.root.appendingPathComponent(wanted).path) {
      return Checkout.files.count { ($0.path as NSString).lastPathComponent == wanted } == 1
    }
    return ["", "Sources/"].contains { FileManager.default.fileExists(atPath: Checkout.root.appendingPathComponent($0 + wanted).path) }
  }

  @Test(arguments: ["ARCHITECTURE.md", "CONTRIBUTING.md", "Tests/ReferenceTests/README.md"])
  func everyFileNamedInADocumentExists(path: String) throws {
    let named = try Document(path).namedPaths
    #expect(named.count > 3)
    #expect(named.filter { !exists($0) } == [])
  }

  @Test func everyLinkWithinTheRepositoryLeadsSomewhere() throws {
    var broken: [String] = []
    for file in Checkout.files where file.type == "md" {
      let document = Document(path: file.path, text: file.text ?? "")
      broken += document.linkedPaths.filter { !exists($0) }.map { "\(file.path): \($0)" }
    }
    #expect(broken == [])
  }

  // MARK: Tables

  @Test func theTableOfLevelsIsTheTableOfImports() throws {
    let rows = try Document("ARCHITECTURE.md").rows.filter { $0.count == 4 && Int($0[0]) != nil }
    let written = rows.map { row in
      "\(row[0]) \(Document.code(in: row[1]).joined()): \(Document.code(in: row[3]).sorted().joined(separator: ", "))"
    }
    let held = ImportTable.sfumato.rows.map { "\($0.value.level) \($0.key): \($0.value.mayImport.sorted().joined(separator: ", "))" }
    #expect(Set(held).subtracting(written).sorted() == [], "lines that ARCHITECTURE.md lacks")
    #expect(Set(written).subtracting(held).sorted() == [], "lines of ARCHITECTURE.md that ImportTable.swift does not have")
  }

  /// The document with a table of each registry's members, by the registry's name.
  private static let documents = [
    "SamplerRegistry": "docs/samplers.md", "NetworkRegistry": "docs/networks.md", "TrainableNetworkRegistry": "docs/networks.md",
    "ClassifierRegistry": "docs/networks.md", "UpscalerRegistry": "docs/networks.md", "DatasetRegistry": "docs/data.md",
    "ImageFitRegistry": "docs/data.md", "CorruptionRegistry": "docs/corruptions.md", "ScheduleRegistry": "docs/training.md",
    "LossRegistry": "docs/training.md", "PredictionErrorRegistry": "docs/training.md", "LossWeightingRegistry": "docs/training.md",
    "TimestepSamplingRegistry": "docs/training.md", "OptimizerRegistry": "docs/training.md", "AverageRegistry": "docs/training.md",
    "LearningRateRegistry": "docs/training.md", "RestoringNetworkRegistry": "docs/networks.md",
  ]

  /// A new member is missed here until its document has a row whose first cell names it.
  @Test func aTableListsEveryMemberOfEveryRegistry() throws {
    let texts = sources.compactMap(\.text)
    let registries = texts.flatMap { SourceText.registries(in: $0) }
    #expect(registries.count > 8)
    for registry in registries {
      let path = try #require(Self.documents[registry.name], "\(registry.name) has no document in DocumentTests")
      let names = registry.members.map { type in
        texts.lazy.compactMap { SourceText.recipeName(of: type, in: $0) }.first ?? "\(type), whose name was not found"
      }
      let listed = Set(try Document(path).rows.flatMap { Document.code(in: $0.first ?? "") })
      // One that only joins others lists nothing itself.
      #expect(!names.isEmpty || registry.name == "TrainableNetworkRegistry", "\(registry.name) lists nothing")
      #expect(names.filter { !listed.contains($0) } == [], "\(path) has no row for these of \(registry.name)")
    }
  }

  @Test func theReadmeListsEveryCommand() throws {
    let commands = SourceText.commands(ofRoot: "Sfumato", in: sources.filter { $0.target == "CLI" }.compactMap(\.text))
    let names = try #require(commands)
    #expect(names.count > 8)
    let rows = try Document("README.md").rows.map { $0.first ?? "" }
    #expect(names.filter { name in !rows.contains { $0.contains("`sfumato \(name)") } } == [], "README.md has no row for these")
  }

  // MARK: Code

  /// Code that is copied from a file that compiles; comments and blank lines apart.
  @Test func everyLineOfSwiftInADocumentCompiles() throws {
    let compiled = try Document("Tests/WorkflowsTests/DocumentedCode.swift").text.components(separatedBy: "\n")
    let lines = Set(compiled.map { $0.trimmingCharacters(in: .whitespaces) } + ["import Sfumato"])
    let documents = Checkout.files.filter { $0.path == "README.md" || $0.path.contains(".docc/") && $0.type == "md" }
    var strange: [String] = []
    for file in documents {
      for block in Document(path: file.path, text: file.text ?? "").blocks(of: "swift") {
        let code = block.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("//") }
        strange += code.filter { !lines.contains($0) }.map { "\(file.path): \($0)" }
      }
    }
    #expect(documents.count > 8)
    #expect(strange == [], "not in Tests/WorkflowsTests/DocumentedCode.swift")
  }
}
