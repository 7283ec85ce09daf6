import ArgumentParser
import Workflows

/// Flags that mean the same in every command that has them.
struct DeviceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where to compute: cpu, cuda, cuda:1 … or mps.", valueName: "device"))
  var device = "cpu"
}

/// What a command prints.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "No progress, only results and errors.")
  var quiet = false

  @Flag(help: "Results as one JSON object on standard output.")
  var json = false
}
