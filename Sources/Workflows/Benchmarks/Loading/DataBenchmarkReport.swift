import Foundation

/// What a benchmark of loading found: plain values, to be shown or written as JSON.
public struct DataBenchmarkReport: Codable, Sendable, Equatable {
  /// Pictures per second, one figure for each round.
  public struct Rates: Codable, Sendable, Equatable {
    public var runs: [Double]

    public init(_ runs: [Double] = []) { self.runs = runs }

    public var median: Double {
      let sorted = runs.sorted(), n = sorted.count
      if n == 0 { return .nan }
      return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2
    }
    public var slowest: Double { runs.min() ?? .nan }
    public var fastest: Double { runs.max() ?? .nan }
  }

  /// One kind of pictures, loaded in one way.
  public struct Result: Codable, Sendable, Equatable {
    /// What is loaded, for a reader.
    public var name: String
    /// How many pictures, and the bytes of their files.
    public var pictures: Int, bytes: Int
    /// The side of the images in a batch, and how they are made of the pictures, in the words of recipes.
    public var size: Int, fit: String
    public var sfumato = Rates()
    public var pytorch: Rates?
    /// What went wrong with PyTorch.
    public var pytorchFailure: String?

    /// How many times as fast ours is, by the medians; nil without PyTorch.
    public var advantage: Double? { pytorch.flatMap { $0.runs.isEmpty ? nil : sfumato.median / $0.median } }
  }

  public struct PyTorch: Codable, Sendable, Equatable {
    public var executable: String, version: String, python: String, pillow: String
  }

  public var machine: MachineFacts
  public var workers: Int, batch: Int
  /// The average number of other programs that wanted a processor while it began; nil where the system does not tell.
  public var loadAtStart: Double?
  public var results: [Result] = []
  public var pytorch: PyTorch?
  /// Why there are no figures of PyTorch, and how to have them.
  public var pytorchProblem: String?

  /// Whether others used the machine so much that the figures say little.
  public var isNoisy: Bool { (loadAtStart ?? 0) > 0.5 }
}
