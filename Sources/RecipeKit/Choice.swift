/// A section whose key `type` picks the recipe that the other keys belong to.
///
///     public var sampler = Choice<SamplerRegistry>(DPMSolverPP())     sampler: { type: ddim, eta: 0.5 }
///
/// The type's name alone, `sampler: ddim`, is as good where no other key is given. Another type than the default's starts from that type's own defaults.
///
/// In a list, and where the default is nil, every choice names its type: `steps: [ddim, { type: heun, eta: 0.5 }]`.
public struct Choice<Registry: RecipeRegistry>: Codable, Sendable {
  /// The recipe chosen.
  public private(set) var recipe: any NamedRecipe

  /// - Precondition: the recipe's type is in the registry and is one of its members.
  public init(_ recipe: any NamedRecipe) {
    precondition(Registry.all.contains { $0 == Swift.type(of: recipe) }, "\(Swift.type(of: recipe)) is not in \(Registry.self)")
    precondition(recipe is Registry.Member, "\(Swift.type(of: recipe)) is not a \(Registry.Member.self)")
    self.recipe = recipe
  }

  /// The recipe of this name with its defaults.
  /// - Throws: `RecipeError` with the nearest name.
  public init(named name: String) throws(RecipeError) {
    guard let type = Registry.all.first(where: { $0.name == name }) else {
      throw RecipeError(place: nil, "unknown type '\(name)'; \(Suggestion.phrase(for: name, among: Registry.names))")
    }
    self.init(type.init())
  }

  /// The recipe as what all of the registry are.
  public var member: Registry.Member { recipe as! Registry.Member }
  /// The name of the chosen recipe.
  public var type: String { Swift.type(of: recipe).name }
  /// The accepted names.
  public static var types: [String] { Registry.names }

  /// Decodes from a recipe's YAML, or from what `encode(to:)` wrote by any other coder.
  public init(from decoder: any Decoder) throws {
    let name = try decoder.container(keyedBy: TypeKey.self).decode(String.self, forKey: .type)
    self.init(try Self(named: name).recipe.decodedAlike(from: decoder))
  }

  public func encode(to encoder: any Encoder) throws {
    try recipe.encode(to: encoder)
    var container = encoder.container(keyedBy: TypeKey.self)
    try container.encode(type, forKey: .type)
  }

  private enum TypeKey: CodingKey { case type }
}

extension NamedRecipe {
  fileprivate func decodedAlike(from decoder: any Decoder) throws -> Self { try Self(from: decoder) }
}

/// A choice of any registry.
protocol AnyChoice {
  var recipe: any NamedRecipe { get }
  static var types: [String] { get }
  init(_ recipe: any NamedRecipe)
  init(named name: String) throws(RecipeError)
}

extension Choice: AnyChoice {}
