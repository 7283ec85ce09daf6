import Failures

/// What is wrong with a recipe: where, then what was expected and what was found.
///
///     recipes/cifar10.yaml:1: unknown key 'chanel_mult' in 'network'; did you mean 'channel_mult'?
///     --set training.batch_size=many: training.batch_size: expected a whole number, found 'many'
public struct RecipeError: ClassifiedError, Equatable, CustomStringConvertible {
  /// `file:line`, `file:line:column`, or the `--set` argument; nil where a default value is to blame.
  public let place: String?
  /// Keys from the root, joined by dots; empty at the root, and where the message names the key itself.
  public let path: String
  public let message: String

  public init(place: String?, path: String = "", _ message: String) {
    self.place = place
    self.path = path
    self.message = message
  }

  static let noSuchRecipe = "no such recipe"
  /// Whether there is no file of the name given.
  public var isMissingFile: Bool { message == Self.noSuchRecipe }

  public var failure: Failure { isMissingFile ? .missing : .data }

  public var description: String { [place, path.isEmpty ? nil : path, message].compactMap { $0 }.joined(separator: ": ") }
}
