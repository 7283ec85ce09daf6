import ArgumentParser
import Failures
import Foundation
import Models
import Tensors
import Workflows

@main struct Sfumato: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sfumato",
    abstract: "Train Gaussian diffusion models and sample from them.",
    discussion: """
      To begin with: sfumato sample digits -o digits.png

      MODEL is a file, a run or one of its checkpoints, a diffusers folder, or the name of a bundled model.
      Exit codes: 0 done, 64 bad usage, 65 bad data, 66 input missing, 70 internal,
      71 out of memory, 74 input/output;
      130, 143, 129, 131 or 152 stopped by Control-C, SIGTERM, SIGHUP, SIGQUIT
      or SIGXCPU.
      """,
    version: "sfumato \(sfumatoVersion)",
    subcommands: [
      Sample.self, Invert.self, Interpolate.self, Transfer.self, Evaluate.self, Upscale.self, Restore.self, Train.self, Resume.self,
      Watch.self, Average.self, RecipeCommand.self,
      DataCommand.self, Inspect.self, Convert.self, Doctor.self,
      Bench.self, StudioCommand.self,
    ])

  static func main() {
    Console.prepare()
    Signals.prepare()
    Torch.keepFreedMemory()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ExitCode {
      Foundation.exit(error.rawValue)
    } catch let error where exitCode(for: error) != .failure || error is CleanExit || error is ValidationError {
      Foundation.exit(show(error))
    } catch Failure.interrupted {
      // The command has already reported what was saved.
      Foundation.exit(Signals.exitCode)
    } catch is OutputClosed {
      Foundation.exit(OutputClosed.exitCode)
    } catch {
      Console.error("\(error)")
      Foundation.exit(Failure(of: error).exitCode)
    }
  }

  /// Prints help, the version, or the problem with the arguments.
  /// - Returns: the exit code.
  private static func show(_ error: any Error) -> Int32 {
    let code = exitCode(for: error), text = fullMessage(for: error)
    guard code == .success else {
      Console.note(text)
      return code.rawValue
    }
    do { try Console.result(text) } catch is OutputClosed { return OutputClosed.exitCode } catch {
      Console.error("\(error)")
      return Failure.io.exitCode
    }
    return code.rawValue
  }
}
