import ArgumentParser
import Tensors
import Workflows

/// Flags that mean the same in every command that has them.
struct DeviceOptions: ParsableArguments {
  @Option(name: .customLong("device"), help: ArgumentHelp("Where to compute: cpu, cuda, cuda:1 … or mps.", valueName: "device"))
  var name = "cpu"

  /// - Throws: for a device that is not there.
  func device() throws -> Device {
    try Torch.start()
    return try Device(named: name)
  }
}

/// What a command prints.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "No progress, only results and errors.")
  var quiet = false

  @Flag(help: "Results as one JSON object on standard output.")
  var json = false
}
