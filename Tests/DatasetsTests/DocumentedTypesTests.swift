import Foundation
import RecipeKit
import Testing

@testable import Datasets

/// The tables of types in `docs/` against the registries.
@Suite("Documented types") struct DocumentedTypesTests {
  /// The first cells of the first table whose heading begins with `type`, without their marks of code.
  private func types(in document: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix("| `type` |") }
    return rows.dropFirst(2).prefix { $0.hasPrefix("|") }.compactMap { row in row.split(separator: "`").dropFirst().first.map(String.init) }
  }

  @Test func theTableOfDataSetsListsThoseOfTheRegistry() throws {
    #expect(try Set(types(in: "docs/data.md")) == Set(DatasetRegistry.names), "the table of types in docs/data.md")
  }

  @Test func theTableOfCorruptionsListsThoseOfTheRegistry() throws {
    #expect(try Set(types(in: "docs/corruptions.md")) == Set(CorruptionRegistry.names), "the table of types in docs/corruptions.md")
    #expect(Set(CorruptionRegistry.names).count == CorruptionRegistry.names.count)
  }
}
