import ArgumentParser
import Failures
import Foundation

struct StudioCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "studio",
    abstract: "Restore, sample and train in a browser.",
    usage: "sfumato studio [<options>]",
    discussion: """
      Serves pages and an HTTP API on this machine until Control-C, which saves what computes. docs/studio.md describes the API. Other \
      machines reach it only with --listen, and then need a token.

      Examples:
        sfumato studio
        sfumato studio --port 9000 --folder photos --folder scans
        sfumato studio --data /srv/studio --listen 192.168.1.20
      """)

  @Option(help: "The port; 0 for a free one.")
  var port = 8471

  @Option(
    help: ArgumentHelp(
      "Where pictures, jobs and runs are kept. Default: ~/.local/share/sfumato/studio.", valueName: "folder"))
  var data: String?

  @Option(help: ArgumentHelp("The most that this folder may hold.", valueName: "GB"))
  var dataLimit = 20

  @Option(help: ArgumentHelp("A folder of pictures that may be trained on; may be repeated.", valueName: "folder"))
  var folder: [String] = []

  @Option(help: ArgumentHelp("Another address to serve on, such as that of this machine in its network.", valueName: "address"))
  var listen: String?

  @Option(help: ArgumentHelp("The token that clients need. Default with --listen: one that is made and printed.", valueName: "token"))
  var token: String?

  @Option(help: ArgumentHelp("The device to compute on: cpu, cuda, cuda:1 … or mps.", valueName: "device"))
  var device = "cpu"

  mutating func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("the port must be 0 to 65535, not \(port)") }
    guard (1...1_000_000).contains(dataLimit) else { throw ValidationError("the limit must be 1 to 1000000 GB, not \(dataLimit)") }
  }

  mutating func run() throws {
    let program = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("sfumato-studio").path
    guard access(program, X_OK) == 0 else {
      throw SfumatoError(.missing, "the studio is not built: there is no \(program); in the folder of Sfumato's sources type: ./dev studio")
    }
    var arguments = [program, "--port", "\(port)", "--data-limit", "\(dataLimit)", "--device", device]
    if let data { arguments += ["--data", data] }
    for folder in folder { arguments += ["--folder", folder] }
    if let listen { arguments += ["--listen", listen] }
    if let token { arguments += ["--token", token] }
    // The launcher has set what libtorch needs; the program takes the place of this one.
    var words = arguments.map { strdup($0) } + [nil]
    execv(program, &words)
    throw SfumatoError(.io, "\(program) cannot be started: \(String(cString: strerror(errno)))")
  }
}
