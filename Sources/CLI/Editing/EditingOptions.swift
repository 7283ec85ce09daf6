import ArgumentParser
import Training
import Workflows

/// Flags of every command that inverts pictures.
struct EditingOptions: ParsableArguments {
  @Option(help: "Corrections of each step of the inversion: each costs another evaluation, and pictures come back more exactly.")
  var corrections = EditingSettings().corrections

  @Option(help: "float32, bfloat16, which takes less memory, or auto: the faster one of the device.")
  var precision = PrecisionChoice.float32

  @Option(help: "Batch size: larger is faster until memory runs out.")
  var batch = 50

  func settings(steps: Int, on device: DeviceOptions) throws -> EditingSettings {
    var settings = EditingSettings()
    (settings.steps, settings.corrections, settings.batchSize) = (steps, corrections, batch)
    settings.device = try device.device()
    settings.precision = precision.resolved(on: settings.device)
    return settings
  }
}

/// Classes by name or number: `3`, or `3,8`.
struct ClassNames: ExpressibleByArgument {
  let names: [String]

  init?(argument: String) {
    names = argument.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmingPrefix(" ")) }
    guard names.allSatisfy({ !$0.isEmpty }) else { return nil }
  }
}
