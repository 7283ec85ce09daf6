import ArgumentParser
import Tensors
import Training
import Workflows

/// The device flag, the same for every command.
struct DeviceOptions: ParsableArguments {
  @Option(name: .customLong("device"), help: ArgumentHelp("The device to compute on: cpu, cuda, cuda:1 … or mps.", valueName: "device"))
  var name = "cpu"

  @Flag(help: "Compute convolutions as PyTorch does: slower, the same numbers to the last bits.")
  var exact = false

  /// The device; with `--exact` the convolutions of the process are libtorch's own from here on.
  /// - Throws: for an unknown or unavailable device.
  /// - Parameter group: the processes of which this is one, each with a GPU of its own where there are several.
  func device(in group: ProcessGroup? = nil) throws -> Device {
    try Torch.start()
    if exact { Torch.exactConvolutions = true }
    return try Device(named: ProcessOptions.device(name, of: group))
  }
}

extension DeviceOptions {
  /// The recipe settings of a training, which later sessions of its run keep.
  var settings: [String] { exact ? ["training.exact_convolutions=true"] : [] }
}

/// Flags for what a command prints.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print only results and errors, no progress.")
  var quiet = false

  @Flag(help: "Print results as one JSON object.")
  var json = false

  /// The same for one of several processes: the first shows what happens.
  func shown(in group: ProcessGroup?) -> OutputOptions {
    var output = self
    output.quiet = quiet || !group.isFirst
    return output
  }

  /// Says on what and in which precision is computed.
  func introduce(_ device: Device, _ precision: Precision) {
    guard !quiet else { return }
    let threads = device == .cpu ? ", \(Console.counted(Torch.threadCount, "thread"))" : ""
    Console.note("computing on \(device) in \(precision.rawValue)\(threads)")
  }
}
