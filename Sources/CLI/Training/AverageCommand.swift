import ArgumentParser
import Failures
import Workflows

struct Average: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a model of another average of a run's weights.",
    usage: "sfumato average [<options>] <folder> --output <file>",
    discussion: """
      A run with training.averages of the type power keeps snapshots of them, from which an average of any length is made up after the \
      training, by least squares (Karras et al. 2024). Lengths are shares of the training; longer ones are smoother. Averages of the \
      type rate are taken as they are.

      Examples:
        sfumato average runs/pictures --length 0.1 -o model.safetensors
        sfumato average runs/pictures --rate 0.9999 -o model.safetensors
      """)

  @Argument(help: "The run folder.")
  var folder: String

  @Option(help: ArgumentHelp("The average's length as a share of the training, 0.001 to 0.28.", valueName: "share"))
  var length: Double?

  @Option(help: ArgumentHelp("The rate of an average that the run keeps.", valueName: "rate"))
  var rate: Double?

  @Option(name: .shortAndLong, help: ArgumentHelp("The model file to write.", valueName: "file"))
  var output: String

  @OptionGroup var printing: OutputOptions

  func validate() throws {
    guard (length == nil) != (rate == nil) else { throw ValidationError("expected either --length or --rate, such as --length 0.1") }
  }

  /// From here on the profile asked for differs visibly from the one that snapshots can make up.
  private static let noticeableError = 0.05

  func run() throws {
    let choice = length.map { AverageReconstruction.Choice.length($0) } ?? .rate(rate ?? 0)
    let result = try AverageReconstruction(run: folder, choice).write(to: output)
    if !printing.quiet, result.error > Self.noticeableError {
      Console.note(
        "warning: the average made from the snapshots differs by \(Int((100 * result.error).rounded()))% from the one of this length; "
          + "a length between those of training.averages, or more snapshots (training.snapshot_every), would be closer")
    }
    if printing.json { return try Console.result(JSONText.of(result)) }
    try Console.result(output)
    if !printing.quiet {
      let source = length == nil ? "as the run keeps it" : "from \(result.snapshots) snapshots"
      Console.note("done: step \(result.step), \(source); describe it with: \(ShellCommand("sfumato", "inspect", output))")
    }
  }
}
