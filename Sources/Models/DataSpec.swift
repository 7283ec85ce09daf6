import Diffusion
import Failures
import Networks
import RecipeKit

/// The properties of the training data that a model depends on.
public struct DataSpec: Recipe, Equatable {
  public var channels = 3, height = 64, width = 64
  /// The classes' names, in the order of their numbers; empty without classes.
  public var classNames: [String] = []
  /// The class number that stands for "no class": the one after the classes, or 0, as in nice-diffusion, where the first
  /// class is the null class. nil for a model that was not trained without classes.
  public var nullClass: Int? = nil
  /// Length of the context vectors that images have in place of classes, such as text embeddings; nil without.
  public var contextSize: Int? = nil
  /// Whether zeros stand for "no vector": the model was trained for unconditional samples too.
  public var nullContext = false
  public init() {}

  /// Rows of a class embedding, the null class included; nil without classes.
  package var classRows: Int? { classNames.isEmpty ? nil : max(nullClass ?? 0, classNames.count - 1) + 1 }
  /// Whether the model is conditioned on classes or context vectors.
  package var isConditional: Bool { !classNames.isEmpty || contextSize != nil }
  /// Whether it can also sample unconditionally.
  package var knowsNull: Bool { nullClass != nil || nullContext }
  /// The numbers of the classes that an image can be of.
  package var realClasses: [Int] { classNames.indices.filter { $0 != nullClass } }

  public func validate() throws(RecipeError) {
    try require((1...4).contains(channels), "channels", "expected 1 to 4, found \(channels)")
    for (key, value) in [("height", height), ("width", width)] {
      try require((1...65536).contains(value), key, "expected 1 to 65536, found \(value)")
    }
    if let nullClass {
      try require(
        !classNames.isEmpty && (nullClass == classNames.count || nullClass == 0), "null_class",
        "expected \(classNames.count), the number after the classes, or 0 where the first of them is none, found \(nullClass)")
    }
    if let contextSize {
      try require((1...1_000_000).contains(contextSize), "context_size", "expected 1 to 1000000, found \(contextSize)")
      try require(
        classNames.isEmpty, "context_size", "images come with a class or with a vector; expected class_names or context_size alone")
    }
  }
}

extension DataSpec {
  /// Class names or numbers, as numbers.
  /// - Throws: `SfumatoError` that names the classes there are.
  package func classNumbers(_ names: [String]) throws -> [Int] {
    let known = classNames
    return try names.map { name in
      if let index = known.firstIndex(of: name) { return index }
      if let index = Int(name), known.indices.contains(index) { return index }
      let list = known.count <= 40 ? known.joined(separator: ", ") : "\(known.prefix(40).joined(separator: ", ")) …"
      throw SfumatoError(
        .usage,
        known.isEmpty ? "this model has no classes, so there is no class '\(name)'" : "there is no class '\(name)'; the classes are \(list)"
      )
    }
  }
}

extension DataSpec {
  package var images: (shape: [Int], classNames: [String]) { ([channels, height, width], classNames) }

  /// The options of a network that follow from the data.
  package func networkInputSpec(_ variance: Variance) -> NetworkInputSpec {
    NetworkInputSpec(
      channels: channels, outputChannels: variance.outputChannels(images: channels), height: height, width: width, classRows: classRows,
      nullClass: nullClass, contextSize: contextSize)
  }
}
