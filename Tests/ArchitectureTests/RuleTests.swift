import Testing

/// The rules themselves: that what they are there to catch is caught.
@Suite("The architecture's rules") struct RuleTests {
  let table = ImportTable.sfumato

  @Test(arguments: [
    "import NN", "@testable import NN", "  internal import NN", "@_exported public import NN", "import struct NN.Linear",
    "import NN.Layers",
    "@preconcurrency import NN // why", "private import func NN.silu", "@_spi(Testing, Other) import NN", "import `NN`",
  ]) func anImportIsReadInEveryFormOfTheLanguage(line: String) {
    #expect(ImportStatement(line)?.module == "NN")
  }

  @Test(arguments: ["// import NN", "let import_NN = 1", "#if canImport(NN)", "important NN", "let x = \"import NN\"", "import"])
  func whatIsNotAnImportIsNotTakenForOne(line: String) {
    #expect(ImportStatement.all(in: line).isEmpty)
  }

  @Test func importsOfAFileAreCountedByLineAndCommentsPassedOver() {
    let source = "/* one\nimport A\n*/\nimport B; import C\n/// import D\n@testable import E\n"
    let found = ImportStatement.all(in: source)
    #expect(found.map(\.module) == ["B", "C", "E"])
    #expect(found.map(\.line) == [4, 4, 6])
  }

  @Test(arguments: [
    ("import Diffusion", "NN", "NN may not import Diffusion; it may import Failures, Tensors"),
    ("import NN", "Tensors", "Tensors may not import NN; it may import CTorch, Failures"),
    ("import struct Datasets.Example", "Networks", "Networks may not import Datasets; it may import Failures, NN, RecipeKit, Tensors"),
    ("import Tensors", "Painting", "target 'Painting' is not in the table of allowed imports"),
    ("import CTorch", "Tensors", "Tensors must say 'internal import CTorch'"),
    ("public import Yams", "RecipeKit", "RecipeKit must say 'internal import Yams'"),
    ("@testable import Tensors", "Datasets", "Datasets may not import Tensors; it may import Archives, Failures, Imaging, RecipeKit"),
    ("import Foundation", "CTorch", "CTorch may not import Foundation; it may import "),
  ]) func anImportThatIsNotAllowedIsReported(line: String, target: String, complaint: String) throws {
    let statement = try #require(ImportStatement(line))
    #expect(table.complaint(about: statement, in: target) == complaint)
  }

  @Test(arguments: [
    ("internal import CTorch", "Tensors"), ("private import CArchive", "Archives"), ("import Foundation", "NN"),
    ("import struct Tensors.Tensor", "Checkpoints"), ("import ArgumentParser", "CLI"),
  ]) func anImportThatIsAllowedIsNot(line: String, target: String) throws {
    #expect(try table.complaint(about: #require(ImportStatement(line)), in: target) == nil)
  }

  @Test func aDependencyThatTheTableDoesNotListIsReported() {
    let manifest = Manifest(
      """
      let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
      let package = Package(
        products: [.library(name: "NN", targets: ["NN"])],
        targets: [
          .target(name: "NN", dependencies: ["Tensors", .product(name: "Yams", package: "Yams"), logging]),  // "Networks"
          .target(name: "Painting"),
          .testTarget(name: "NNTests", dependencies: [.target(name: "NN")]),
          .executableTarget(name: "Probe", dependencies: ["NN"], path: "Tests/Probe"),
        ])
      """)
    #expect(manifest.targets.map(\.name) == ["NN", "Painting", "NNTests", "Probe"])
    #expect(manifest.targets.map(\.isTest) == [false, false, true, true])
    #expect(manifest.targets[0].dependencies == ["Tensors", "Yams", "Logging"])
    #expect(manifest.targets[2].dependencies == ["NN"])
    #expect(table.complaints(about: manifest.targets[0]) == ["NN may not depend on Logging", "NN may not depend on Yams"])
    #expect(table.complaints(about: manifest.targets[1]) == ["target 'Painting' is not in the table of allowed imports"])
  }

  @Test func unfinishedWorkAndFoldersOfOneMachineAreReported() {
    let marked = [
      "// TO" + "DO: later", "x // FIX" + "ME", "good for" + " now", "see /ro" + "ot/x", "\"/tm" + "p/a\"", "(/wo" + "rk/shared)",
    ]
    for line in marked {
      #expect(HouseRules.complaints(aboutText: "first\n" + line, of: "a.swift").count == 1, "\(line)")
      #expect(HouseRules.complaints(aboutText: "first\n" + line, of: "a.swift").first?.hasPrefix("a.swift:2: ") == true)
    }
    let clean = ["mktemp -d name.XX" + "XXXX", "Examples/wo" + "rk/x", "../tm" + "p/x", "for nowhere", "autodidact"]
    for line in clean { #expect(HouseRules.complaints(aboutText: line, of: "a.swift") == [], "\(line)") }
  }

  @Test func aLongSourceALargeFileAndAPrintAreReported() {
    #expect(HouseRules.complaints(aboutLines: 500, of: "a").isEmpty)
    #expect(HouseRules.complaints(aboutLines: 501, of: "a").count == 1)
    #expect(HouseRules.complaints(aboutBytes: 9_000_001, of: "a").count == 1)
    #expect(
      HouseRules.complaints(aboutPrintingIn: "a\n  print(1)\n// print(2)\nblueprint(3)\nx.print(4)", of: "a") == [
        "a:2: only CLI and Studio print"
      ])
  }
}
