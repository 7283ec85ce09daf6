// swift-tools-version: 6.2
// Since tools version 6.2 a package with unsafe flags can be a versioned dependency, so the run path of libtorch is set here.
import Foundation
import PackageDescription

/// The folder of libtorch that holds `include/` and `lib/`: `$LIBTORCH`; `.libtorch` of this package, or of a folder above
/// it, which is the root package where this one is a checkout; `libtorch-<version>` in the user's cache folder, 2.13.0 first.
/// Links are resolved, so that `./dev`, which names the real folder, and a plain `swift build` give the same flags.
/// The launcher (`Sources/Launcher`) looks in the same order when the program starts.
func locateTorch() -> String {
  let environment = Context.environment.filter { !$0.value.isEmpty }
  if let explicit = environment["LIBTORCH"] { return realPath(explicit) }
  let parts = Context.packageDirectory.split(separator: "/")
  var candidates = parts.indices.reversed().map { "/" + parts[...$0].joined(separator: "/") + "/.libtorch" }
  let cache = (environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "")/.cache") + "/sfumato"
  let cached = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
  for name in ["libtorch-2.13.0"] + cached.filter({ $0.hasPrefix("libtorch-") }).sorted().reversed() {
    candidates.append("\(cache)/\(name)/torch")
  }
  return realPath(candidates.first { FileManager.default.fileExists(atPath: "\($0)/include/ATen/ATen.h") } ?? candidates[0])
}

func realPath(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }

/// `2.13.0` of a wheel's `__version__ = '2.13.0+cpu'` or of an archive's `2.13.0+cpu`: what the launcher holds the library
/// that it finds against.
func torchVersion() -> String {
  let text = ["version.py", "build-version"].lazy.compactMap { try? String(contentsOfFile: "\(torch)/\($0)", encoding: .utf8) }.first
  let lines = text?.split(separator: "\n") ?? []
  let line = lines.first { $0.hasPrefix("__version__") } ?? lines.first ?? ""
  return String(line.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." })
}

let torch = locateTorch()

/// Set by `./dev package` and `./dev install`: the programs run from another folder or on another machine, so that no path of
/// this one is compiled into them.
let portable = Context.environment["SFUMATO_PORTABLE"] == "1"
let torchRunPath = portable ? [] : ["-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"]
let torchFolder: [CSetting] = portable ? [] : [.define("SFUMATO_TORCH_FOLDER", to: "\"\(torch)\"")]

let parser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Sfumato",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Sfumato", targets: ["Sfumato"]),
    .executable(name: "sfumato", targets: ["Launcher"]),
    .executable(name: "sfumato-main", targets: ["CLI"]),
    .executable(name: "sfumato-studio", targets: ["StudioProgram"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    // Level 0: C and C++, and the classes of errors.
    .target(name: "Failures"),
    .target(
      name: "CTorch",
      cxxSettings: [
        .unsafeFlags([
          "-isystem", "\(torch)/include", "-isystem", "\(torch)/include/torch/csrc/api/include",
          // libtorch's headers take twelve seconds to parse: as a module they are compiled once, and again when they change.
          "-fmodules", "-fcxx-modules", "-fmodule-map-file=\(Context.packageDirectory)/Sources/CTorch/support/module.modulemap",
          "-fmodules-cache-path=\(Context.packageDirectory)/.build/clang-modules", "-fmodules-validate-system-headers",
          // The kernels are loops over whole images: unoptimised they would dominate every debug test.
          "-O2",
        ])
      ],
      linkerSettings: [
        .unsafeFlags(["-L\(torch)/lib"] + torchRunPath),
        .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ]),
    // Between Tensors and CTorch: SwiftPM has a Swift target wait for the object files of the C targets that it depends on directly, here for
    // a minute of the first build. For those of targets further away only the linker waits.
    .target(name: "CTorchLink", dependencies: ["CTorch"]),
    .target(name: "CVips"),
    .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"]), .brew(["libarchive"])]),
    // Level 1: what touches the outside.
    .target(name: "Tensors", dependencies: ["Failures", "CTorchLink"]),
    .target(name: "Imaging", dependencies: ["Failures", "CVips"]),
    .target(name: "Archives", dependencies: ["Failures", "CArchive"]),
    .target(name: "RecipeKit", dependencies: ["Failures", "Yams"]),
    // Level 2: parts that do not know each other.
    .target(name: "NN", dependencies: ["Failures", "Tensors"]),
    .target(name: "Diffusion", dependencies: ["Failures", "Tensors", "RecipeKit"]),
    .target(name: "Datasets", dependencies: ["Failures", "Imaging", "Archives", "RecipeKit"]),
    .target(name: "Checkpoints", dependencies: ["Failures", "Tensors", "Archives"]),
    .target(name: "Metrics", dependencies: ["Failures", "Tensors"]),
    // Level 3 to 6.
    .target(name: "Networks", dependencies: ["Failures", "NN", "Tensors", "RecipeKit"]),
    .target(
      name: "Training",
      dependencies: ["Failures", "Diffusion", "NN", "Tensors", "Datasets", "Imaging", "Checkpoints", "RecipeKit"]),
    .target(
      name: "Models", dependencies: ["Failures", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    .target(
      name: "Interop",
      dependencies: ["Failures", "Models", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    .target(
      name: "Workflows",
      dependencies: [
        "Failures", "Interop", "Models", "Training", "Networks", "NN", "Diffusion", "Datasets", "Checkpoints", "Metrics", "Tensors",
        "Imaging", "Archives", "RecipeKit",
      ]),
    // Level 7: the umbrella, the program proper, and the launcher that finds libtorch and starts it.
    .target(
      name: "Sfumato",
      dependencies: [
        "Workflows",
        "Failures", "Interop", "Models", "Training", "Networks", "NN", "Diffusion", "Datasets", "Checkpoints", "Metrics", "Tensors",
        "Imaging", "Archives", "RecipeKit",
      ]),
    .executableTarget(
      name: "CLI", dependencies: ["Failures", "Tensors", "Imaging", "Training", "Diffusion", "Models", "Interop", "Workflows", parser]),
    // The server and the pages of `sfumato studio`, in a program of its own, which the demo does not build.
    .target(
      name: "Studio",
      dependencies: [
        "Failures", "Tensors", "Imaging", "Checkpoints", "RecipeKit", "NN", "Training", "Diffusion", "Models", "Workflows",
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      resources: [.embedInCode("Pages")]),
    .executableTarget(name: "StudioProgram", dependencies: ["Studio"]),
    .executableTarget(
      name: "Launcher",
      cSettings: [.define("SFUMATO_TORCH_VERSION", to: "\"\(torchVersion())\"")] + torchFolder),
    // Tests. What several of their targets share is a library of its own.
    .target(
      name: "TestSupport", dependencies: ["Failures", "Models", "Diffusion", "Networks", "NN", "Checkpoints", "Tensors", "RecipeKit"],
      path: "Tests/TestSupport"),
    .testTarget(name: "ArchitectureTests"),
    // The program of Examples/Downstream, which is a package of its own: built with the tests, and without what this package alone may use.
    .executableTarget(name: "DownstreamExample", dependencies: ["Sfumato"], path: "Examples/Downstream/Sources", packageAccess: false),
    // Started by TensorsTests: what leaks is counted in a process of its own.
    .executableTarget(name: "LeakProbe", dependencies: ["Workflows", "Models", "Training", "Tensors"], path: "Tests/LeakProbe"),
    .testTarget(name: "TensorsTests", dependencies: ["TestSupport", "Failures", "Tensors", "LeakProbe"]),
    .testTarget(name: "ImagingTests", dependencies: ["Imaging"]),
    .testTarget(name: "ArchivesTests", dependencies: ["Archives"]),
    .testTarget(name: "RecipeKitTests", dependencies: ["RecipeKit"]),
    .testTarget(name: "NNTests", dependencies: ["NN", "Tensors"]),
    .testTarget(name: "DiffusionTests", dependencies: ["TestSupport", "Diffusion", "Tensors", "RecipeKit"]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "Imaging", "Archives", "RecipeKit"]),
    .testTarget(name: "CheckpointsTests", dependencies: ["TestSupport", "Failures", "Checkpoints", "Archives", "Tensors"]),
    .testTarget(name: "MetricsTests", dependencies: ["Metrics", "Tensors", "Failures"]),
    .testTarget(name: "NetworksTests", dependencies: ["TestSupport", "Failures", "Networks", "NN", "Tensors", "RecipeKit", "Checkpoints"]),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["Training", "Diffusion", "NN", "Tensors", "Datasets", "Imaging", "Checkpoints", "RecipeKit"]),
    .testTarget(
      name: "ModelsTests", dependencies: ["TestSupport", "Models", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    .testTarget(
      name: "InteropTests",
      dependencies: ["TestSupport", "Interop", "Models", "Networks", "NN", "Diffusion", "Checkpoints", "Tensors", "RecipeKit"]),
    .testTarget(name: "WorkflowsTests", dependencies: ["TestSupport", "Sfumato", "Workflows"]),
    .testTarget(
      name: "ReferenceTests",
      dependencies: ["Training", "Interop", "Networks", "NN", "Diffusion", "Metrics", "Checkpoints", "Tensors", "RecipeKit"],
      exclude: ["README.md"]),
    .testTarget(name: "CLITests", dependencies: ["Archives"]),
    .testTarget(name: "StudioTests", dependencies: ["Studio", "Imaging"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20)
