import Testing

@Suite("Help") struct HelpTests {
  @Test(arguments: [
    (
      "sample",
      "--count --class --context --steps --sampler --eta --guidance --spacing --seed --noise-order --precision --batch --output --columns"
    ),
    ("upscale", "-o --output --member --tile --overlap --precision --device --quiet --json"),
    ("sample", "-o --animation --npz --images --upscale --device --quiet -q --json"), ("train", "--set --run --device --quiet --json"),
    ("resume", "--set --from --accept-new-data --device --quiet --json"), ("recipe show", "--set"),
    ("watch", "--once --interval --json"), ("average", "--length --rate --output -o --quiet --json"), ("recipe check", "--set"),
    ("data inspect", "--set --output -o --quick --quiet --json"), ("data export", "--set --output -o --size --count --quiet --json"),
    ("bench network", "--batch --repeats --quick --quiet --json"), ("bench data", "--workers --batch --repeats --quick --quiet --json"),
    ("convert", "--preset --recipe --set --member --to --list-presets --quiet --json"),
  ])
  func listsTheFlagsOfACommand(command: String, flags: String) throws {
    let run = try Program.run(command.split(separator: " ").map(String.init) + ["--help"], in: "/")
    #expect(run.status == 0)
    #expect(run.errors.isEmpty)
    let words = run.output.split { " ,\n<>/".contains($0) }
    for flag in flags.split(separator: " ") { #expect(words.contains(flag), "\(command) \(flag)") }
  }

  @Test func listsTheCommandsAndExitCodes() throws {
    let run = try Program.run(["--help"], in: "/")
    let commands = ["sample", "upscale", "train", "resume", "watch", "average", "recipe", "data", "inspect", "convert", "doctor", "bench"]
    for word in commands + ["129 stopped by Control-C, SIGTERM or SIGHUP"] {
      #expect(run.output.contains(word), "\(word)")
    }
    #expect(try Program.run(["--version"], in: "/").output.hasPrefix("sfumato 0."))
  }
}
