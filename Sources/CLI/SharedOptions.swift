import ArgumentParser
import Tensors
import Workflows

/// The device flag, the same for every command.
struct DeviceOptions: ParsableArguments {
  @Option(name: .customLong("device"), help: ArgumentHelp("The device to compute on: cpu, cuda, cuda:1 … or mps.", valueName: "device"))
  var name = "cpu"

  /// - Throws: for an unknown or unavailable device.
  func device() throws -> Device {
    try Torch.start()
    return try Device(named: name)
  }
}

/// Flags for what a command prints.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print only results and errors, no progress.")
  var quiet = false

  @Flag(help: "Print results as one JSON object.")
  var json = false
}
