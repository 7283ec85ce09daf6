import Datasets

/// The pictures that a training could not use, each once, in the order in which it met them.
public struct UnusablePictures: Sendable, Equatable {
  /// Names of pictures with what is wrong with them.
  public private(set) var reports: [String] = []
  private var indices: Set<Int> = []

  public init() {}

  public var count: Int { indices.count }

  mutating func add(_ pictures: [UnusablePicture]) {
    for picture in pictures where indices.insert(picture.index).inserted { reports.append(picture.report) }
  }
}
