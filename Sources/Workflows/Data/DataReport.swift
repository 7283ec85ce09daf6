import Datasets

/// Statistics of a data set.
public struct DataReport: Codable, Sendable, Equatable {
  public struct Size: Codable, Sendable, Equatable {
    public var height: Int, width: Int
  }
  public struct ClassCount: Codable, Sendable, Equatable {
    public var name: String, count: Int
  }
  public struct ChannelCount: Codable, Sendable, Equatable {
    public var channels: Int, count: Int
  }
  /// Sizes of the readable pictures, ordered by area.
  public struct Sizes: Codable, Sendable, Equatable {
    public var smallest: Size, median: Size, largest: Size
    /// Number of distinct sizes.
    public var different: Int
  }
  public struct Captions: Codable, Sendable, Equatable {
    /// Pictures with a caption, and different ones among these.
    public var count: Int, different: Int
    /// The longest one in bytes of UTF-8.
    public var longest: Int
    /// The first of the different ones.
    public var examples: [String]

    init?(_ dataset: any Dataset) {
      guard dataset.hasCaptions else { return nil }
      let all = (0..<dataset.count).compactMap { dataset.caption(at: $0) }.filter { !$0.isEmpty }
      var seen: Set<String> = [], examples: [String] = []
      for caption in all where seen.insert(caption).inserted && examples.count < Self.mostExamples { examples.append(caption) }
      (count, different, self.examples) = (all.count, seen.count, examples)
      longest = all.map(\.utf8.count).max() ?? 0
    }

    private static let mostExamples = 5
  }
  public struct Unreadable: Codable, Sendable, Equatable {
    public var index: Int, reason: String
  }

  public var source: String
  /// The data set's type in recipes.
  public var kind: String
  /// Other recipe values, "key: value".
  public var settings: [String]
  public var count: Int
  /// Whether every picture was decoded; otherwise only headers of picture files were read.
  public var isComplete: Bool
  /// Nil if no picture can be read.
  public var sizes: Sizes?
  /// Counts in ascending order of channels.
  public var channels: [ChannelCount]
  /// The classes in the order of their numbers, including those without pictures.
  public var classes: [ClassCount]
  /// Readable pictures without a class.
  public var unlabelled: Int
  public var contextSize: Int?
  /// Nil for a set without captions.
  public var captions: Captions?
  public var unreadableCount: Int
  /// The first of them.
  public var unreadable: [Unreadable]
  /// Files among the pictures that are not pictures, lines of a table without a picture, and the like.
  public var skippedCount: Int
  /// The first of them.
  public var skipped: [SkippedFile]
}

/// Running statistics of a data set.
struct DataTally {
  /// The result for one picture.
  enum Finding: Sendable {
    case picture(ImageShape, label: Int?)
    case unreadable(String)
  }

  private struct Area: Hashable {
    let height: Int, width: Int
  }

  private var sizes: [Area: Int] = [:]
  private var channels: [Int: Int] = [:]
  /// The indices of the readable pictures of each class, followed by those without a class.
  private(set) var members: [[Int]]
  private(set) var unreadable: [DataReport.Unreadable] = []
  private(set) var unreadableCount = 0

  /// The most reasons kept; further pictures are only counted.
  static let mostReasons = 1000

  init(classes: Int) { members = Array(repeating: [], count: classes + 1) }

  mutating func add(_ finding: Finding, at index: Int) {
    switch finding {
    case .picture(let shape, let label):
      sizes[Area(height: shape.height, width: shape.width), default: 0] += 1
      channels[shape.channels, default: 0] += 1
      members[label ?? members.count - 1].append(index)
    case .unreadable(let reason):
      unreadableCount += 1
      if unreadable.count < Self.mostReasons { unreadable.append(DataReport.Unreadable(index: index, reason: reason)) }
    }
  }

  var sizeReport: DataReport.Sizes? {
    let sorted = sizes.sorted { ($0.key.height * $0.key.width, $0.key.height) < ($1.key.height * $1.key.width, $1.key.height) }
    guard let first = sorted.first, let last = sorted.last else { return nil }
    var left = (sizes.values.reduce(0, +) - 1) / 2, middle = first.key
    for (area, count) in sorted {
      middle = area
      if left < count { break }
      left -= count
    }
    func size(_ area: Area) -> DataReport.Size { DataReport.Size(height: area.height, width: area.width) }
    return DataReport.Sizes(smallest: size(first.key), median: size(middle), largest: size(last.key), different: sorted.count)
  }

  var channelReport: [DataReport.ChannelCount] {
    channels.sorted { $0.key < $1.key }.map { DataReport.ChannelCount(channels: $0.key, count: $0.value) }
  }
}
