import ArgumentParser
import Failures
import Foundation
import Models
import Workflows

@main struct Sfumato: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sfumato",
    abstract: "Trains Gaussian diffusion models and samples from them.",
    discussion: """
      A first try: sfumato sample digits -o digits.png
      Exit codes: 0 done, 64 bad usage, 65 bad data, 66 input missing, 70 internal, 74 input/output, 130 interrupted.
      """,
    version: "sfumato \(sfumatoVersion)",
    subcommands: [
      Sample.self, Upscale.self, Train.self, Resume.self, RecipeCommand.self, DataCommand.self, Inspect.self, Convert.self, Doctor.self,
      Bench.self,
    ])

  static func main() {
    Interruption.prepare()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ExitCode {
      Foundation.exit(error.rawValue)
    } catch let error where exitCode(for: error) != .failure || error is CleanExit || error is ValidationError {
      exit(withError: error)
    } catch Failure.interrupted {
      // Whoever interrupted knows; the command has said what became of its work.
      Foundation.exit(Failure.interrupted.exitCode)
    } catch {
      Console.error("\(error)")
      Foundation.exit(Failure(of: error).exitCode)
    }
  }
}

extension Failure {
  /// The exit codes of BSD's sysexits.
  var exitCode: Int32 {
    switch self {
    case .usage: 64
    case .data: 65
    case .missing: 66
    case .internal: 70
    case .io: 74
    case .interrupted: 130
    }
  }
}
