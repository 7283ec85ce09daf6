import Imaging
import RecipeKit

/// A run of indices of a data set that is visited with a weight of its own.
public struct DatasetPart: Sendable, Equatable {
  public let range: Range<Int>
  public let weight: Double
}

/// Several data sets in one, each visited as often as its weight says whatever its number of pictures; classes of the same name are
/// one class.
public struct MixedDataset: Dataset {
  public let count: Int
  public let classNames: [String]
  public let shape: ImageShape?
  public let channels: Int
  public let contextSize: Int?
  /// Whether pictures of any source do; those of the others have empty ones.
  public let hasCaptions: Bool
  public let parts: [DatasetPart]
  private let sources: [any Dataset]
  /// For each source the new number of each of its classes.
  private let labels: [[Int]]

  /// A recipe's `data: { type: mix, sources: [{ type: idx, ... }, ...], weights: [2, 1] }`.
  public struct Recipe: DatasetRecipe {
    public static let name = "mix"

    public var sources: [Choice<DatasetRegistry>] = []
    /// How often each source is visited, in proportion; null for all alike.
    public var weights: [Double]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!sources.isEmpty, "sources", "expected at least one source, such as { type: glyphs }")
      guard let weights else { return }
      try require(weights.count == sources.count, "weights", "expected \(sources.count), one for each source, found \(weights.count)")
      try require(weights.allSatisfy { $0 > 0 && $0.isFinite }, "weights", "expected numbers above 0, found \(weights)")
    }

    public func open() throws -> any Dataset {
      try MixedDataset(sources.map { try $0.member.open() }, weights: weights ?? sources.map { _ in 1 })
    }

    public static func recipe(at path: String) -> Self { Self() }
    public var paths: [String] { sources.flatMap(\.member.paths) }
    public mutating func mapPaths(_ map: (String) -> String) {
      sources = sources.map { source in
        var recipe = source.member
        recipe.mapPaths(map)
        return Choice(recipe)
      }
    }
  }

  /// - Throws: `DatasetError` when some of the sources have contexts of another length than others, or none.
  public init(_ sources: [any Dataset], weights: [Double]) throws {
    precondition(!sources.isEmpty && sources.count == weights.count, "\(sources.count) sources with \(weights.count) weights")
    var names: [String] = [], start = 0, labels: [[Int]] = [], parts: [DatasetPart] = []
    for (source, weight) in zip(sources, weights) {
      for name in source.classNames where !names.contains(name) { names.append(name) }
      labels.append(source.classNames.map { names.firstIndex(of: $0)! })
      parts.append(DatasetPart(range: start..<(start + source.count), weight: weight))
      start += source.count
    }
    let sizes = sources.map(\.contextSize)
    guard sizes.allSatisfy({ $0 == sizes[0] }) else { throw DatasetError("data", .contextSizes(sizes)) }
    let shapes = sources.map(\.shape)
    (count, classNames, contextSize, self.parts, self.sources, self.labels) = (start, names, sizes[0], parts, sources, labels)
    channels = sources.map(\.channels).max()!
    hasCaptions = sources.contains(where: \.hasCaptions)
    shape = shapes.allSatisfy { $0 == shapes[0] } ? shapes[0] : nil
  }

  public subscript(index: Int) -> Picture {
    get throws {
      let (source, inner) = place(of: index)
      var picture = try sources[source][inner]
      picture.label = picture.label.map { labels[source][$0] }
      picture.caption = hasCaptions ? picture.caption ?? "" : nil
      return picture
    }
  }

  public func label(at index: Int) -> Int? {
    let (source, inner) = place(of: index)
    return sources[source].label(at: inner).map { labels[source][$0] }
  }

  public func caption(at index: Int) -> String? {
    guard hasCaptions else { return nil }
    let (source, inner) = place(of: index)
    return sources[source].caption(at: inner) ?? ""
  }

  public var skipped: [SkippedFile] { sources.flatMap(\.skipped) }

  private func place(of index: Int) -> (source: Int, inner: Int) {
    let source = parts.firstIndex { $0.range.contains(index) }
    guard let source else { preconditionFailure("picture \(index) of a data set of \(count)") }
    return (source, index - parts[source].range.lowerBound)
  }
}
