import Foundation
import Testing

@Suite("The architecture") struct ArchitectureTests {
  let table = ImportTable.sfumato
  let sources = Checkout.files.filter { $0.target != nil && $0.type == "swift" }

  @Test func everyImportOfEverySourceIsInTheTable() throws {
    var complaints: [String] = []
    for file in sources {
      let text = try #require(file.text, "\(file.path) is not UTF-8")
      for statement in ImportStatement.all(in: text) {
        guard let complaint = table.complaint(about: statement, in: file.target ?? "") else { continue }
        complaints.append("\(file.path):\(statement.line): \(complaint)")
      }
    }
    #expect(sources.count > 10, "the sources were not found below \(Checkout.root.path)")
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test func everyFolderOfSourcesIsATargetInTheTable() {
    let folders = Set(Checkout.files.compactMap(\.target))
    #expect(folders.subtracting(table.rows.keys).sorted() == [])
  }

  @Test func theManifestGivesEachTargetOnlyDependenciesInTheTable() throws {
    let targets = try manifest().targets.filter { !$0.isTest }
    #expect(targets.count > 10)
    #expect(targets.flatMap(table.complaints(about:)) == [])
  }

  @Test func everythingThatATargetImportsIsItsDependencyInTheManifest() throws {
    let declared = try Dictionary(uniqueKeysWithValues: manifest().targets.map { ($0.name, $0.dependencies) })
    var complaints: [String] = []
    for file in sources {
      let dependencies = table.modules(of: declared[file.target ?? ""] ?? [])
      for statement in ImportStatement.all(in: file.text ?? "") where !ImportTable.system.contains(statement.module) {
        if !dependencies.contains(statement.module) {
          complaints.append("\(file.path):\(statement.line): \(statement.module) is not a dependency of the target in Package.swift")
        }
      }
    }
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test func importsInTheTableOnlyGoDown() {
    for (target, row) in table.rows {
      for module in row.mayImport.subtracting(ImportTable.external) {
        let below = table.rows[module]?.level
        #expect(below.map { $0 < row.level } == true, "\(target) (level \(row.level)) imports \(module) (level \(below ?? -1))")
      }
    }
  }

  @Test func theUmbrellaHoldsNothingButExports() throws {
    for file in sources where file.target == "Sfumato" {
      let text = try #require(file.text)
      let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      let code = lines.filter { !$0.isEmpty && !$0.hasPrefix("//") }
      #expect(code.filter { ImportStatement($0)?.isExported != true } == [], "\(file.path)")
    }
  }

  @Test func nothingBelowTheProgramsPrints() {
    let complaints = sources.filter { !["CLI", "Studio"].contains($0.target) }
      .flatMap { HouseRules.complaints(aboutPrintingIn: $0.text ?? "", of: $0.path) }
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test func noSourceIsLongAndNoFileIsLarge() throws {
    var complaints: [String] = []
    for file in Checkout.files {
      let bytes = try FileManager.default.attributesOfItem(atPath: file.url.path)[.size] as? Int ?? 0
      complaints += HouseRules.complaints(aboutBytes: bytes, of: file.path)
      guard file.isSource, let text = file.text else { continue }
      complaints += HouseRules.complaints(
        aboutLines: text.utf8.count { $0 == 10 }, of: file.path)
    }
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test func noTextNamesUnfinishedWorkOrAFolderOfOneMachine() {
    let complaints = Checkout.files.filter { $0.isSource || $0.isProse }
      .flatMap { HouseRules.complaints(aboutText: $0.text ?? "", of: $0.path) }
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  private func manifest() throws -> Manifest {
    Manifest(try String(contentsOf: Checkout.root.appendingPathComponent("Package.swift"), encoding: .utf8))
  }
}
