#if os(Linux)
  import Foundation
  import Testing

  /// What `./dev install` lays out below a prefix, made by its scripts from the programs of this build.
  @Suite(
    "An installation",
    .enabled(if: FileManager.default.fileExists(atPath: "\(Installation.clone)/.libvips"), "it contains a libvips of ./dev setup"))
  struct InstallationTests {
    @Test func hasTheBundledModelsAndRecipesByNameFromAnyFolder() throws {
      let installation = try Installation()
      try installation.install()
      let model = try installation.start("inspect", "digits", "--json"), recipe = try installation.start("recipe", "show", "glyphs")
      #expect(model.status == 0, "\(model.errors)")
      #expect(recipe.status == 0 && recipe.output.contains("type: glyphs"), "\(recipe.errors)")
      // As documents write it, which assume a clone.
      #expect(try installation.start("recipe", "check", "recipes/glyphs.yaml").status == 0)
      let unknown = try installation.start("recipe", "show", "glyph")
      #expect(unknown.status == 66 && unknown.errors.contains("did you mean the bundled recipe 'glyphs'?"))
      // Pictures need libvips, which lies beside the program.
      let doctor = try installation.start("doctor", "--json").json(), libvips = try #require(doctor["libvips"] as? [String: Any])
      #expect((libvips["path"] as? String)?.contains("prefix of mine/lib/sfumato/.libvips/") == true, "\(libvips)")
    }

    @Test func hasAManualPageForEveryCommandAndCompletionsForThreeShells() throws {
      let installation = try Installation()
      try installation.install()
      let commands = Set(HelpTests.flags.keys.map { $0.split(separator: " ")[0] })
      for command in commands {
        let page = try installation.text("share/man/man1/sfumato-\(command).1")
        #expect(page.hasPrefix(".TH \"SFUMATO-\(command.uppercased())\" 1"))
        #expect(page.contains("\n.SH SYNOPSIS\n\\fBsfumato \(command)\\fR"))
      }
      #expect(try installation.text("share/man/man1/sfumato-sample.1").contains("\\fB\\-\\-guidance\\fR"))
      #expect(try installation.text("share/bash-completion/completions/sfumato").contains("complete "))
      #expect(try installation.text("share/zsh/site-functions/_sfumato").hasPrefix("#compdef sfumato"))
      #expect(try installation.text("share/fish/vendor_completions.d/sfumato.fish").contains("complete -c 'sfumato'"))
    }

    @Test func isReplacedByTheNextOneAndRemovedWithoutATrace() throws {
      let installation = try Installation()
      try installation.install()
      // What an earlier version had and this one has not, and a file of another program.
      try installation.write("lib/sfumato/old", "")
      try installation.write("lib/sfumato/installed-files", installation.text("lib/sfumato/installed-files") + "lib/sfumato/old\n")
      try installation.write("bin/other", "")
      try installation.install()
      #expect(!installation.exists("lib/sfumato/old") && installation.exists("lib/sfumato/sfumato-main"))
      let removal = try installation.script("remove_installed \"$2\"")
      #expect(removal.status == 0, "\(removal.errors)")
      #expect(try installation.files() == ["bin", "bin/other"])
    }

    @Test func refusesToReplaceWhatItDidNotInstall() throws {
      let installation = try Installation()
      try installation.write("bin/sfumato", "another program")
      let refused = try installation.script(Installation.installing)
      #expect(refused.status == 1 && refused.errors.contains("/bin/sfumato exists, and ./dev install did not make it"))
      #expect(try installation.text("bin/sfumato") == "another program")
    }

    @Test(arguments: ["../outside", "/outside", "lib/../../outside"]) func removesNothingOutsideItsPrefix(path: String) throws {
      let installation = try Installation()
      try installation.write("bin/sfumato", "")
      try installation.write("lib/sfumato/installed-files", "bin/sfumato\n\(path)\n")
      let refused = try installation.script("remove_installed \"$2\"")
      #expect(refused.status == 1 && refused.errors.contains("names '\(path)', which is not below"))
      #expect(installation.exists("bin/sfumato"))
    }
  }

  /// A prefix in a temporary folder, removed with the last reference to it.
  final class Installation {
    static let clone = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let installing = "stage \"$3\" \"$1\"; install_staged \"$1\" \"$2\""

    private let folder: String
    private var prefix: String { "\(folder)/prefix of mine" }

    init() throws {
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-installation-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      folder = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func install() throws {
      let run = try script(Self.installing)
      try #require(run.status == 0, "\(run.errors)")
    }

    /// Runs functions of `scripts/portable.sh`, with a folder to stage in, the prefix, and the programs of this build as arguments.
    func script(_ commands: String) throws -> Program.Run {
      let library = "${LIBTORCH:=$(readlink -f .libtorch)}; export LIBTORCH"
      let text = "set -euo pipefail; source scripts/setup.sh; source scripts/portable.sh; : \(library); \(commands)"
      let staging = "\(folder)/\(UUID().uuidString)"
      return try Program.finish(Program.start(["/bin/bash", "-c", text, "dev", staging, prefix, Program.folder.path], in: Self.clone))
    }

    /// Runs the installed program from a folder that has nothing to do with it, with the libtorch that is linked beside it.
    func start(_ arguments: String...) throws -> Program.Run {
      let words = ["/usr/bin/env", "-u", "LIBTORCH", "-u", "LIBVIPS", "\(prefix)/bin/sfumato"]
      return try Program.finish(Program.start(words + arguments, in: "/"))
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(prefix)/\(name)") }
    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(prefix)/\(name)", encoding: .utf8) }
    func files() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: prefix).sorted() }

    func write(_ name: String, _ text: String) throws {
      let url = URL(filePath: "\(prefix)/\(name)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
  }
#endif
