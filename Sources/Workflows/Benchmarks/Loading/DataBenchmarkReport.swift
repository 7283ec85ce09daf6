import Foundation

/// Results of a data loading benchmark: plain values, to be shown or written as JSON.
public struct DataBenchmarkReport: Codable, Sendable, Equatable {
  /// Pictures per second, one value per round.
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

  /// One kind of picture, loaded one way.
  public struct Result: Codable, Sendable, Equatable {
    /// Description of the pictures, for people.
    public var name: String
    /// Number of pictures, and the total size of their files.
    public var pictures: Int, bytes: Int
    /// Side of the images in a batch, and how pictures are fitted to it, by its recipe name.
    public var size: Int, fit: String
    public var sfumato = Rates()
    public var pytorch: Rates?
    /// Why PyTorch failed, if it did.
    public var pytorchFailure: String?

    /// Sfumato's median rate over PyTorch's; nil without PyTorch.
    public var advantage: Double? { pytorch.flatMap { $0.runs.isEmpty ? nil : sfumato.median / $0.median } }
  }

  public struct PyTorch: Codable, Sendable, Equatable {
    public var executable: String, version: String, python: String, pillow: String
  }

  public var machine: MachineFacts
  public var workers: Int, batch: Int
  /// The load average at the start; nil where the system does not report it.
  public var loadAtStart: Double?
  public var results: [Result] = []
  public var pytorch: PyTorch?
  /// Why there are no PyTorch results, and how to get them.
  public var pytorchProblem: String?

  /// Whether other load on the machine made the results unreliable.
  public var isNoisy: Bool { (loadAtStart ?? 0) > 0.5 }
}
