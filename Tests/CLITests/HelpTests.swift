import Testing

@Suite("Help") struct HelpTests {
  /// Flags of every command that has no subcommands; those of a new one are added here.
  static let flags = [
    "sample": """
    --count --class --context --text --steps --sampler --eta --guidance --autoguidance --spacing --seed --noise-order --precision --batch --output --columns \
    -o --animation --npz --images --upscale --device --exact --quiet -q --json
    """,
    "invert": "-o --output --reconstruction --class --steps --corrections --batch --precision --device --exact --quiet --json",
    "interpolate": """
    -o --output --animation --frame-time --frames --class --guidance --steps --corrections --batch --precision --device --exact --quiet --json
    """,
    "transfer": """
    -o --output --from --to --from-class --to-class --guidance --strength --compare --steps --corrections --batch --precision --device \
    --exact --quiet --json
    """,
    "upscale": "-o --output --member --tile --overlap --precision --device --exact --quiet --json",
    "restore": """
    -o --output --model --corruption --sweep --scale --evaluations --detail --seed --tile --overlap --color --profile --recursive --name \
    --format --quality --overwrite --plan --report --scratch --prior --class --mask --colorize --noise --set --precision --device --exact --quiet --json
    """,
    "evaluate": """
    --against --features --resize --count --size --seed --batch --statistics --steps --samplers --guidance --plot --pairs --channel --crop --device --exact --quiet --json
    """,
    "train": "--set --run --device --exact --quiet --json",
    "resume": "--set --from --accept-new-data --device --exact --quiet --json", "recipe show": "--set", "recipe check": "--set",
    "recipe import": "",
    "watch": "--once --interval --json", "average": "--length --rate --output -o --quiet --json",
    "data inspect": "--set --output -o --quick --quiet --json", "data export": "--set --output -o --size --count --quiet --json",
    "data corruptions": "--output -o --size --seed", "inspect": "--member --tensors --json", "doctor": "--json",
    "bench network": "--batch --repeats --quick --shipped --quiet --json",
    "bench data": "--workers --batch --repeats --quick --quiet --json",
    "studio": "--port --data --data-limit --folder --listen --token --device",
    "convert": "--preset --recipe --set --member --to --list-presets --quiet --json",
  ]

  private func help(of command: [String]) throws -> String {
    let run = try Program.run(command + ["--help"], in: "/")
    #expect(run.status == 0 && run.errors.isEmpty, "\(command): \(run.errors)")
    return run.output
  }

  /// The commands below one, of which those without subcommands are the result.
  private func leaves(of command: [String] = []) throws -> [String] {
    let lines = try help(of: command).split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
    // Two spaces before a name, and many before the second line of its description.
    let names = lines.compactMap { $0.prefixMatch(of: #/\ \ ([a-z][a-z-]*)/#).map { String($0.1) } }
    return names.isEmpty ? [command.joined(separator: " ")] : try names.flatMap { try leaves(of: command + [$0]) }
  }

  @Test func everyCommandHasItsFlagsInTheTable() throws {
    let commands = try Set(leaves())
    #expect(commands.count > 10)
    #expect(commands.subtracting(Self.flags.keys).sorted() == [], "these need a row in HelpTests.flags, Tests/CLITests/HelpTests.swift")
    #expect(Set(Self.flags.keys).subtracting(commands).sorted() == [], "rows of HelpTests.flags for commands that are gone")
  }

  @Test(arguments: flags.keys.sorted()) func listsTheFlagsOfACommand(command: String) throws {
    let words = try help(of: command.split(separator: " ").map(String.init)).split { " ,\n<>/".contains($0) }
    for flag in Self.flags[command, default: ""].split(separator: " ") { #expect(words.contains(flag), "\(command) \(flag)") }
  }

  /// Also its usage, which would list every flag in one line.
  @Test(arguments: flags.keys.sorted()) func fitsInto80Columns(command: String) throws {
    let text = try help(of: command.split(separator: " ").map(String.init))
    #expect(text.contains("USAGE: sfumato \(command)"))
    for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
  }

  @Test func listsTheExitCodesAndTheVersion() throws {
    #expect(try help(of: []).contains("130, 143, 129, 131 or 152 stopped by Control-C, SIGTERM, SIGHUP, SIGQUIT\nor SIGXCPU"))
    #expect(try Program.run(["--version"], in: "/").output.hasPrefix("sfumato 0."))
  }
}
