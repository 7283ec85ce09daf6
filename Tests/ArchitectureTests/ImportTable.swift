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
    /// Dependencies in the manifest that are linked and not imported.
    let links: Set<String>
    /// Whether it may import the modules of the toolchain: not so the C targets.
    let usesSystem: Bool

    init(_ level: Int, _ mayImport: Set<String> = [], hidden: Set<String> = [], links: Set<String> = [], usesSystem: Bool? = nil) {
      self.level = level
      self.links = links
      self.usesSystem = usesSystem ?? (level > 0)
      self.mayImport = mayImport.union(hidden)
      self.hidden = hidden
    }
  }

  let rows: [String: Row]

  /// Modules of the toolchain, legal in every Swift target.
  static let system: Set = ["Foundation", "FoundationEssentials", "Dispatch", "Synchronization", "Glibc", "Musl", "Darwin"]

  /// Modules of other packages, which stand below everything of ours that may import them.
  static let external: Set = ["ArgumentParser", "Yams", "FlyingSocks"]

  static let sfumato = ImportTable(rows: [
    "Failures": Row(0, usesSystem: true), "CTorch": Row(0), "CTorchLink": Row(0, links: ["CTorch"]), "CVips": Row(0), "CArchive": Row(0),
    "Launcher": Row(0),
    "Tensors": Row(1, ["Failures"], hidden: ["CTorch"], links: ["CTorchLink"]),
    "Imaging": Row(1, ["Failures"], hidden: ["CVips"]),
    "Archives": Row(1, ["Failures"], hidden: ["CArchive"]),
    "RecipeKit": Row(1, ["Failures"], hidden: ["Yams"]),
    "NN": Row(2, ["Failures", "Tensors"]),
    "Diffusion": Row(2, ["Failures", "Tensors", "RecipeKit"]),
    "Datasets": Row(2, ["Failures", "Imaging", "Archives", "RecipeKit"]),
    "Checkpoints": Row(2, ["Failures", "Tensors", "Archives"]),
    "Metrics": Row(2, ["Failures", "Tensors"]),
    "Networks": Row(3, ["Failures", "NN", "Tensors", "RecipeKit"]),
    "Training": Row(4, ["Failures", "Diffusion", "NN", "Tensors", "Datasets", "Imaging", "Checkpoints", "RecipeKit"]),
    "Models": Row(4, ["Failures", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    "Interop": Row(5, ["Failures", "Models", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    "Workflows": Row(6, libraries),
    "Sfumato": Row(7, libraries.union(["Workflows"])),
    "Studio": Row(
      7,
      [
        "Failures", "Tensors", "Imaging", "Checkpoints", "RecipeKit", "NN", "Training", "Diffusion", "Models", "Workflows",
        "FlyingSocks",
      ]),
    "StudioProgram": Row(8, ["Studio"]),
    "CLI": Row(7, ["Failures", "Tensors", "Imaging", "Training", "Diffusion", "Models", "Interop", "Workflows", "ArgumentParser"]),
  ])

  /// Everything below `Workflows`.
  private static let libraries: Set = [
    "Failures", "Tensors", "Imaging", "Archives", "RecipeKit", "NN", "Diffusion", "Datasets", "Checkpoints", "Metrics", "Networks",
    "Training", "Models", "Interop",
  ]

  /// What is wrong with one import of `target`, or nil.
  func complaint(about statement: ImportStatement, in target: String) -> String? {
    guard let row = rows[target] else { return "target '\(target)' is not in the table of allowed imports" }
    let module = statement.module
    if Self.system.contains(module), row.usesSystem { return nil }
    guard row.mayImport.contains(module) else {
      return "\(target) may not import \(module); it may import \(row.mayImport.sorted().joined(separator: ", "))"
    }
    if row.hidden.contains(module), !statement.isInternal { return "\(target) must say 'internal import \(module)'" }
    return nil
  }

  /// The modules of dependencies in the manifest, with those that they link.
  func modules(of dependencies: Set<String>) -> Set<String> {
    dependencies.union(dependencies.flatMap { rows[$0]?.links ?? [] })
  }

  /// What is wrong with a target's dependencies in the manifest.
  func complaints(about target: Manifest.Target) -> [String] {
    guard let row = rows[target.name] else { return ["target '\(target.name)' is not in the table of allowed imports"] }
    return target.dependencies.subtracting(row.mayImport.union(row.links)).sorted().map { "\(target.name) may not depend on \($0)" }
  }
}
