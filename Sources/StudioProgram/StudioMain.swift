import Foundation
import Studio

@main enum Main {
  static func main() { exit(StudioProgram.run(Array(CommandLine.arguments.dropFirst()))) }
}
