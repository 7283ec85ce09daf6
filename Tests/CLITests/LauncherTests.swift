import Foundation
import Testing

/// The launcher of this build, copied into a separate folder beside a script that replaces `sfumato-main` and prints how it was
/// started. A libtorch here is only what the launcher checks: a library file and a version.
@Suite("The launcher") struct LauncherTests {
  let scene: Scene

  init() throws { scene = try Scene() }

  @Test func startsTheProgramBesideItWithTheArgumentsAndReturnsItsExitCode() throws {
    let torch = try scene.makeTorch("torch")
    let run = try scene.start(["sample", "a b", "", "--seed", "1"], ["LIBTORCH": torch, "SCENE_EXIT": "9"])
    #expect(run.status == 9)
    #expect(run.lines("argument") == ["sample", "a b", "", "--seed", "1"])
    #expect(run.lines("LD_LIBRARY_PATH") + run.lines("DYLD_LIBRARY_PATH") == ["\(torch)/lib"])
  }

  @Test func putsItsLibtorchBeforeTheExistingSearchPath() throws {
    let torch = try scene.makeTorch("torch")
    let run = try scene.start([], ["LIBTORCH": torch, "LD_LIBRARY_PATH": "/elsewhere", "DYLD_LIBRARY_PATH": "/elsewhere"])
    #expect(run.lines("LD_LIBRARY_PATH").first ?? run.lines("DYLD_LIBRARY_PATH").first == "\(torch)/lib:/elsewhere")
  }

  @Test func findsThePackagesLibtorchFromAnyFolderAndThroughALink() throws {
    let torch = try scene.makeTorch("package/.libtorch")
    let programs = try scene.installPrograms("package/.build/release")
    let link = scene.root + "/link-to-sfumato"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: programs + "/sfumato")
    for program in [programs + "/sfumato", link] {
      let run = try scene.start([], [:], program: program, from: "/")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.lines("LD_LIBRARY_PATH") + run.lines("DYLD_LIBRARY_PATH") == ["\(torch)/lib"])
    }
  }

  @Test func findsTheVersionItWasBuiltWithInTheCacheFolder() throws {
    let torch = try scene.makeTorch("cache/sfumato/libtorch-\(scene.version)/torch")
    let byVariable = try scene.start([], ["XDG_CACHE_HOME": scene.root + "/cache"])
    #expect(byVariable.lines("LD_LIBRARY_PATH") + byVariable.lines("DYLD_LIBRARY_PATH") == ["\(torch)/lib"])
    let ofHome = try scene.makeTorch("home/.cache/sfumato/libtorch-\(scene.version)/torch")
    let byHome = try scene.start([], ["HOME": scene.root + "/home"])
    #expect(byHome.lines("LD_LIBRARY_PATH") + byHome.lines("DYLD_LIBRARY_PATH") == ["\(ofHome)/lib"])
  }

  @Test func prefersTheLibtorchThatTheUserNames() throws {
    _ = try scene.makeTorch("package/.libtorch")
    let chosen = try scene.makeTorch("chosen")
    let programs = try scene.installPrograms("package/.build/release")
    let run = try scene.start([], ["LIBTORCH": chosen], program: programs + "/sfumato")
    #expect(run.lines("LD_LIBRARY_PATH") + run.lines("DYLD_LIBRARY_PATH") == ["\(chosen)/lib"])
  }

  @Test(arguments: ["+cpu", "+cu130", ""]) func acceptsAnyBuildOfTheVersionItWasBuiltWith(build: String) throws {
    let torch = try scene.makeTorch("torch", version: scene.version + build)
    #expect(try scene.start([], ["LIBTORCH": torch]).status == 0)
  }

  @Test func readsTheVersionOfALibtorchArchive() throws {
    let torch = try scene.makeTorch("torch", version: nil)
    try scene.write(scene.version + "+cpu\n", to: "torch/build-version")
    #expect(try scene.start([], ["LIBTORCH": torch]).status == 0)
  }

  @Test(arguments: ["1.0.0", "2.999.0+cpu"]) func refusesALibtorchOfAnotherVersionWithAdvice(other: String) throws {
    let torch = try scene.makeTorch("package/.libtorch", version: other)
    let programs = try scene.installPrograms("package/.build/release")
    let run = try scene.start(["sample"], [:], program: programs + "/sfumato")
    #expect(run.status == 65)
    #expect(run.output.isEmpty)
    let number = other.prefix { $0 != "+" }
    #expect(
      run.errors.hasPrefix("error: libtorch \(number) was found in \(torch),\nbut this program was built with libtorch \(scene.version)"))
    #expect(run.errors.contains("LIBTORCH=\(torch) ./dev build"))
  }

  @Test func refusesALibtorchOfUnknownVersion() throws {
    let torch = try scene.makeTorch("torch", version: nil)
    let run = try scene.start([], ["LIBTORCH": torch])
    #expect(run.status == 65)
    #expect(run.errors.hasPrefix("error: libtorch unknown was found in \(torch)"))
  }

  @Test func listsWhereItLookedForAMissingLibtorchWithAdvice() throws {
    let run = try scene.start(["sample"], ["LIBTORCH": scene.root + "/nowhere"])
    #expect(run.status == 66)
    #expect(run.errors.hasPrefix("error: libtorch \(scene.version), which this program was built with, was not found.\n"))
    #expect(run.errors.contains(scene.root + "/nowhere/lib (LIBTORCH)\n"))
    #expect(run.errors.contains("Run ./dev setup"))
  }

  @Test func reportsAMissingOrWrongLibtorchOnStandardOutputForDoctor() throws {
    let missing = try scene.start(["doctor"], ["LIBTORCH": scene.root + "/nowhere"])
    #expect(missing.status == 66)
    #expect(missing.output.hasPrefix("libtorch \(scene.version), which this program was built with, was not found.\n"))
    #expect(missing.output.contains("Run ./dev setup"))
    let other = try scene.start(["doctor"], ["LIBTORCH": try scene.makeTorch("torch", version: "1.0.0")])
    #expect(other.status == 65)
    #expect(other.output.hasPrefix("libtorch 1.0.0 was found in"))
  }

  @Test func makesWaitingPassiveUnlessTheUserChose() throws {
    let torch = try scene.makeTorch("torch")
    #expect(try scene.start([], ["LIBTORCH": torch]).lines("OMP_WAIT_POLICY") == ["PASSIVE"])
    #expect(try scene.start([], ["LIBTORCH": torch]).lines("GOMP_SPINCOUNT") == ["1000"])
    #expect(try scene.start([], ["LIBTORCH": torch, "OMP_WAIT_POLICY": "PASSIVE"]).lines("GOMP_SPINCOUNT") == [])
    #expect(try scene.start([], ["LIBTORCH": torch, "OMP_WAIT_POLICY": "ACTIVE"]).lines("OMP_WAIT_POLICY") == ["ACTIVE"])
    #expect(try scene.start([], ["LIBTORCH": torch, "GOMP_SPINCOUNT": "100"]).lines("OMP_WAIT_POLICY") == [])
  }

  /// The program takes seconds to load before it has a handler.
  @Test func startsTheProgramWithSignalsOfTheUserIgnored() throws {
    let torch = try scene.makeTorch("torch")
    for name in ["USR1", "USR2"] { #expect(try scene.start([], ["LIBTORCH": torch, "SCENE_SIGNAL": name]).status == 0) }
    #expect(try scene.start([], ["LIBTORCH": torch, "SCENE_SIGNAL": "TERM"]).status == SIGTERM)
  }

  @Test func namesTheMissingProgram() throws {
    let torch = try scene.makeTorch("torch")
    let programs = try scene.installPrograms("alone")
    try FileManager.default.removeItem(atPath: programs + "/sfumato-main")
    let run = try scene.start([], ["LIBTORCH": torch], program: programs + "/sfumato")
    #expect(run.status == 66)
    #expect(run.errors.hasPrefix("error: \(programs)/sfumato-main, which must be beside sfumato, cannot be started"))
  }
}

/// A temporary folder with the launcher in `programs/`, removed with the last reference to it.
final class Scene {
  /// With links resolved, as the launcher prints paths.
  let root: String
  /// The libtorch version of the launcher, from its own message.
  private(set) var version = ""

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-launcher-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    root = folder.resolvingSymlinksInPath().path
    _ = try installPrograms("programs")
    let words = try start([], ["LIBTORCH": root]).errors.split(whereSeparator: { " ,".contains($0) })
    version = String(try #require(words.dropFirst(2).first))
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// Copies the launcher and writes the script beside it.
  /// - Returns: their folder.
  func installPrograms(_ folder: String) throws -> String {
    let main = """
      #!/bin/sh
      for argument; do echo "argument=$argument"; done
      env
      if [ -n "$SCENE_SIGNAL" ]; then kill -s "$SCENE_SIGNAL" $$; fi
      exit ${SCENE_EXIT:-0}

      """
    try write(main, to: folder + "/sfumato-main")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(root)/\(folder)/sfumato-main")
    try FileManager.default.copyItem(
      at: Self.productsFolder.appendingPathComponent("sfumato"), to: URL(fileURLWithPath: "\(root)/\(folder)/sfumato"))
    return "\(root)/\(folder)"
  }

  /// Makes a folder that the launcher accepts as a libtorch of its version.
  /// - Returns: its path.
  func makeTorch(_ folder: String) throws -> String { try makeTorch(folder, version: version + "+cpu") }

  func makeTorch(_ folder: String, version: String?) throws -> String {
    try write("", to: folder + "/lib/libtorch_cpu.so")
    try write("", to: folder + "/lib/libtorch_cpu.dylib")
    if let version { try write("__all__ = ['__version__']\n__version__ = '\(version)'\ncuda = None\n", to: folder + "/version.py") }
    return "\(root)/\(folder)"
  }

  func write(_ text: String, to file: String) throws {
    let url = URL(fileURLWithPath: "\(root)/\(file)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  /// Runs the launcher with exactly this environment.
  func start(_ arguments: [String], _ environment: [String: String], program: String? = nil, from folder: String? = nil) throws -> Run {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program ?? root + "/programs/sfumato")
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = URL(fileURLWithPath: folder ?? root)
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Both fit into a pipe's buffer, so neither blocks.
    let texts = [output, errors].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    process.waitUntilExit()
    return Run(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  struct Run {
    let status: Int32
    let output: String
    let errors: String

    /// The values of `name=value` lines.
    func lines(_ name: String) -> [String] {
      output.split(separator: "\n").filter { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
  }

  /// The folder of the built programs, beside the test bundle.
  private static var productsFolder: URL {
    #if os(macOS)
      let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
      return bundle.bundleURL.deletingLastPathComponent()
    #else
      return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #endif
  }
}
