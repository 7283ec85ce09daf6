/// A section of a configuration: a struct whose stored properties are its keys, and whose initial values are the defaults.
///
///     public struct SamplingRecipe: Recipe {
///       public var steps = 20, guidanceScale = 1.0, seed: Int? = nil
///       public init() {}
///     }
///
/// That is the whole definition: YAML keys are the properties' names in snake_case (see `snakeCase`), decoding overrides the
/// defaults with a file, `yaml()` prints them. A property may be a number, `Bool`, `String`, an enum with `String` raw values, another
/// recipe, a `Choice`, any other `Codable` that is one scalar, an optional or an array of these, or a `[String: …]` of these.
/// Codable must be synthesised: keys are found by reflection.
public protocol Recipe: Codable, Sendable {
  /// The defaults.
  init()

  /// Refuses values that are impossible together or alone; called for every nested recipe once all is decoded, inner ones first.
  /// Use `require` inside.
  func validate() throws(RecipeError)
}

extension Recipe {
  public func validate() throws(RecipeError) {}

  /// Within `validate`: throws unless the condition holds.
  /// - Parameters:
  ///   - key: the property concerned, as it is written in YAML (`batch_size`).
  ///   - problem: what was expected and what was found: `"expected 1 or more, found \(batchSize)"`.
  public func require(_ condition: Bool, _ key: String, _ problem: @autoclosure () -> String) throws(RecipeError) {
    precondition(defaults(of: self).contains { $0.key == key }, "\(Self.self).validate names '\(key)', which is no key of it")
    if !condition { throw RecipeError(place: nil, path: key, problem()) }
  }
}

/// A recipe that can be picked by `type:`.
public protocol NamedRecipe: Recipe {
  /// The word after `type:`.
  static var name: String { get }
}

/// All recipes of one kind, such as the samplers. A new one is one more line in `all`.
public protocol RecipeRegistry {
  /// What all of them are: `any Sampler`, or `any NamedRecipe` where there is no closer protocol.
  associatedtype Member
  static var all: [any NamedRecipe.Type] { get }
}

extension RecipeRegistry {
  /// The accepted words, in the registry's order.
  public static var names: [String] { all.map { $0.name } }
}

/// A stored property of a recipe: its YAML key, and its value.
struct Property {
  let key: String
  let value: Any
}

/// The stored properties of a recipe, in the order of declaration.
func defaults(of recipe: any Recipe) -> [Property] {
  Mirror(reflecting: recipe).children.compactMap { child in
    child.label.map { Property(key: snakeCase($0), value: child.value) }
  }
}

/// The value inside an optional, of whatever depth; nil for nil.
func unwrapped(_ value: Any) -> Any? {
  let mirror = Mirror(reflecting: value)
  guard mirror.displayStyle == .optional else { return value }
  return mirror.children.first.flatMap { unwrapped($0.value) }
}
