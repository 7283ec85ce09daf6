import Imaging

/// A picture that no example could be made of.
public struct UnusablePicture: Sendable, Equatable, Hashable {
  /// Its index in the data set.
  public let index: Int
  /// Its name and what is wrong with it.
  public let report: String
}

/// An example, and the pictures that it was to be made of before one served.
public struct LoadedExample: Sendable, Equatable {
  public var example: Example
  public var unusable: [UnusablePicture]

  public init(example: Example, unusable: [UnusablePicture] = []) {
    self.example = example
    self.unusable = unusable
  }
}

/// The examples of a training in the order in which it sees them, and those that are held out.
///
/// What stands at a position depends on the seed and the position alone. A picture that cannot be used gives its place to the
/// next one in the data set that can, so that one damaged file neither stops a training nor moves what comes after it.
public struct TrainingData: Sendable {
  public let pipeline: ExamplePipeline
  public let split: DataSplit
  private let order: MixedOrder
  private let parts: [DatasetPart]

  /// Pictures in a row that may be unusable: a set of nothing else is not searched to its end.
  static let searchLimit = 1000

  /// - Throws: `DatasetError` for a data set without pictures.
  public init(_ pipeline: ExamplePipeline, holdOut: HoldOut = .none, seed: UInt64) throws {
    self.pipeline = pipeline
    parts = pipeline.dataset.parts
    guard parts.allSatisfy({ !$0.range.isEmpty }) else { throw DatasetError("data", .noPictures) }
    split = DataSplit(pipeline.dataset, holdOut)
    let counts = split.training?.map(\.count) ?? parts.map(\.range.count)
    order = MixedOrder(counts: counts, weights: parts.map(\.weight), seed: seed)
  }

  /// How many examples make an epoch.
  public var count: Int { pipeline.dataset.count - split.validation.count }

  /// The example at a position, counted over all epochs.
  /// - Throws: `DatasetError` where no picture of so many could be used; `ImagingError` where libvips is missing.
  public func example(at position: Int) throws -> LoadedExample {
    let (part, number) = order[position]
    let range = parts[part].range, members = split.training?[part]
    return try firstUsable(of: members?.count ?? range.count, from: number, at: position) { members?[$0] ?? range.lowerBound + $0 }
  }

  /// An example of those that are held out: always the same, prepared as those of the training are.
  /// - Parameter number: 0 to `split.validation.count` - 1.
  public func validationExample(_ number: Int) throws -> LoadedExample {
    // Positions before the start of the training are no other example's.
    try firstUsable(of: split.validation.count, from: number, at: -1 - number) { split.validation[$0] }
  }

  /// An example to look at, not augmented and the same every time: of those that are held out or, where none are, of all.
  /// - Parameter number: 0 to `shownCount` - 1.
  public func shownExample(_ number: Int) throws -> LoadedExample {
    guard split.validation.isEmpty else { return try validationExample(number) }
    return try firstUsable(of: pipeline.dataset.count, from: number, at: -1 - number) { $0 }
  }

  public var shownCount: Int { split.validation.isEmpty ? pipeline.dataset.count : split.validation.count }

  private func firstUsable(of count: Int, from number: Int, at position: Int, _ index: (Int) -> Int) throws -> LoadedExample {
    var unusable: [UnusablePicture] = []
    for step in 0..<min(count, Self.searchLimit) {
      let index = index((number + step) % count)
      do {
        return LoadedExample(example: try pipeline.example(index, at: position), unusable: unusable)
      } catch let error as ImagingError where error.isAboutTheProgram {
        throw error
      } catch {
        unusable.append(UnusablePicture(index: index, report: "\(error)"))
      }
    }
    throw DatasetError("data", .nothingUsable(tried: unusable.count, first: unusable[0].report))
  }
}

extension ImagingError {
  /// Whether no picture at all can be read, rather than this one.
  fileprivate var isAboutTheProgram: Bool {
    if case .libraryMissing = problem { true } else { false }
  }
}
