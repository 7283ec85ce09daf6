import Failures
import Foundation
import Models

/// The program `sfumato-studio`: its arguments, signals and messages. `sfumato studio` starts it.
public enum StudioProgram {
  static let usage = """
    usage: sfumato studio [--port PORT] [--data FOLDER] [--data-limit GB] [--folder FOLDER]... [--listen ADDRESS] [--token TOKEN] [--device DEVICE]
    """

  /// Serves until a signal comes.
  /// - Returns: the exit code.
  public static func run(_ arguments: [String]) -> Int32 {
    do {
      guard !arguments.contains("--help"), !arguments.contains("-h") else {
        say("\(usage)\n'sfumato studio --help' explains them.", to: 1)
        return 0
      }
      let stop = signals()
      let server = try StudioServer(options(arguments))
      server.start()
      announce(server)
      stop.wait()
      say("stopping: what computes is saved first", to: 2)
      server.stop()
      return 0
    } catch {
      say("sfumato: \(error)", to: 2)
      return Failure(of: error).exitCode
    }
  }

  /// - Throws: `SfumatoError` for what is no option.
  static func options(_ arguments: [String]) throws -> StudioOptions {
    let home = ProcessInfo.processInfo.environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "."
    var options = StudioOptions(data: "\(home)/.local/share/sfumato/studio")
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard name.hasPrefix("--"), let value = rest.popFirst() else {
        throw SfumatoError(.usage, "'\(name)' is no option with a value\n\(usage)")
      }
      func number(_ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(value), range.contains(number) else {
          throw SfumatoError(.usage, "\(name) is '\(value)'; expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
      }
      switch name {
      case "--port": options.port = try number(0...65535)
      case "--data": options.data = value
      case "--data-limit": options.dataLimit = try number(1...1_000_000) << 30
      case "--folder": options.folders.append(value)
      case "--listen": options.address = value
      case "--token": options.token = value
      case "--device": options.device = value
      default: throw SfumatoError(.usage, "unknown option '\(name)'\n\(usage)")
      }
    }
    return options
  }

  private static func announce(_ server: StudioServer) {
    let query = server.token.map { "/?token=\($0)" } ?? ""
    say("the studio is at http://127.0.0.1:\(server.port)\(query)", to: 1)
    if let address = server.address {
      let host = address.contains(":") ? "[\(address)]" : address
      say("and at http://\(host):\(server.port)\(query); what is sent is not encrypted", to: 1)
    }
    say("everything is kept in \(server.library.folder.path); Control-C stops", to: 2)
  }

  private static func say(_ text: String, to descriptor: Int32) {
    let line = Array("\(text)\n".utf8)
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  /// Signalled by the first stopping signal; a second one ends the program at once.
  private static func signals() -> DispatchSemaphore {
    let stop = DispatchSemaphore(value: 0)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        // Loops within a step look at this flag.
        if Interruption.isRequested { _exit(128 + number) }
        Interruption.request()
        stop.signal()
      }
      source.resume()
      sources.append(source)
    }
    return stop
  }
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []
}
