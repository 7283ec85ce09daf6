/// What each target may import. Imports go down, never up, never sideways; a target that is not here is not allowed.
///
/// SwiftPM does not enforce this: a module that a dependency imports can be imported as well.
struct ImportTable {
  /// One row: a target, how far up it stands, and what it may import beside the system's modules.
  struct Row {
    let level: Int
    let mayImport: Set<String>
    /// What must not show in the target's interface: imported as `internal` or closer.
    let hidden: Set<String>

    init(_ level: Int, _ mayImport: Set<String> = [], hidden: Set<String> = []) {
      self.level = level
      self.mayImport = mayImport.union(hidden)
      self.hidden = hidden
    }
  }

  let rows: [String: Row]

  /// Modules of the toolchain, legal from level 1 up.
  static let system: Set = ["Foundation", "FoundationEssentials", "Dispatch", "Synchronization", "Glibc", "Musl", "Darwin"]

  /// Modules of other packages, which stand below everything of ours that may import them.
  static let external: Set = ["ArgumentParser", "Logging", "RealModule", "SwiftProtobuf", "Yams", "Hummingbird", "FlyingFox"]

  static let sfumato = ImportTable(rows: [
    "CTorch": Row(0), "CVips": Row(0), "CArchive": Row(0),
    "Tensors": Row(1, hidden: ["CTorch"]),
    "Imaging": Row(1, hidden: ["CVips"]),
    "Archives": Row(1, hidden: ["CArchive"]),
    "RecipeKit": Row(1, hidden: ["Yams"]),
    "NN": Row(2, ["Tensors"]),
    "Diffusion": Row(2, ["Tensors", "RecipeKit", "RealModule"]),
    "Datasets": Row(2, ["Imaging", "Archives", "RecipeKit"]),
    "Checkpoints": Row(2, ["Tensors", "Archives"]),
    "Distributed": Row(2, ["Tensors"]),
    "Networks": Row(3, ["NN", "Tensors", "RecipeKit"]),
    "Training": Row(
      4,
      [
        "Diffusion", "NN", "Tensors", "Datasets", "Imaging", "Checkpoints", "Distributed", "RecipeKit", "Logging",
        "SwiftProtobuf",
      ]),
    "Evaluation": Row(
      4, ["Diffusion", "NN", "Tensors", "Networks", "Datasets", "Imaging", "Distributed", "Logging"]),
    "Workflows": Row(5, libraries.union(["Logging"])),
    "Sfumato": Row(6, libraries.union(["Workflows"])),
    "CLI": Row(6, ["Workflows", "Logging", "ArgumentParser"]),
    "Studio": Row(6, ["Workflows", "Logging", "Hummingbird", "FlyingFox"]),
    "Launcher": Row(0),
  ])

  /// Everything of levels 1 to 4.
  private static let libraries: Set = [
    "Tensors", "Imaging", "Archives", "RecipeKit", "NN", "Diffusion", "Datasets", "Checkpoints", "Distributed", "Networks",
    "Training", "Evaluation",
  ]

  /// What is wrong with one import of `target`, or nil.
  func complaint(about statement: ImportStatement, in target: String) -> String? {
    guard let row = rows[target] else { return "target '\(target)' is not in the table of allowed imports" }
    let module = statement.module
    if Self.system.contains(module), row.level > 0 { return nil }
    guard row.mayImport.contains(module) else {
      return "\(target) may not import \(module); it may import \(row.mayImport.sorted().joined(separator: ", "))"
    }
    if row.hidden.contains(module), !statement.isInternal { return "\(target) must say 'internal import \(module)'" }
    return nil
  }

  /// What is wrong with a target's dependencies in the manifest.
  func complaints(about target: Manifest.Target) -> [String] {
    guard let row = rows[target.name] else { return ["target '\(target.name)' is not in the table of allowed imports"] }
    return target.dependencies.subtracting(row.mayImport).sorted().map { "\(target.name) may not depend on \($0)" }
  }
}
