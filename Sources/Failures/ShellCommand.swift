/// A command for the user to type, its arguments quoted where a shell would take them apart.
package struct ShellCommand: CustomStringConvertible {
  let arguments: [String]
  package init(_ arguments: String...) { self.arguments = arguments }
  package init(_ arguments: [String]) { self.arguments = arguments }

  package var description: String {
    arguments.map { argument in
      let isPlain =
        !argument.isEmpty
        && argument.unicodeScalars.allSatisfy { scalar in
          scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "/._-+=,:@%".unicodeScalars.contains(scalar)
        }
      return isPlain ? argument : "'\(argument.replacing("'", with: "'\\''"))'"
    }.joined(separator: " ")
  }
}
