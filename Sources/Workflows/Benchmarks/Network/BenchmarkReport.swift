import Foundation
import Tensors
import Training

/// Results of a network benchmark: plain values, to be shown or written as JSON.
public struct BenchmarkReport: Codable, Sendable, Equatable {
  public enum Workload: String, Codable, Sendable, CaseIterable {
    /// A forward pass of the network prepared for inference.
    case forward
    /// Forward under autocast, backward, gradient clipping, AdamW, moving average.
    case training
  }

  /// Floating-point operations of a forward pass; a multiply-add counts as two.
  public struct Operations: Codable, Sendable, Equatable {
    public var convolutions: Double, linear: Double, attention: Double
    public var total: Double { convolutions + linear + attention }
  }

  /// Throughput of plain convolutions of the network's shapes, in FLOP/s.
  public struct Rates: Codable, Sendable, Equatable {
    public var precision: Precision
    public var forward: Double, inputGradient: Double, weightGradient: Double
  }

  /// Times of one workload, in seconds.
  public struct Times: Codable, Sendable, Equatable {
    public var runs: [Double]

    public init(_ runs: [Double] = []) { self.runs = runs }

    public var median: Double {
      let sorted = runs.sorted(), n = sorted.count
      if n == 0 { return .nan }
      return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2
    }
    public var fastest: Double { runs.min() ?? .nan }
  }

  /// One workload in one precision.
  public struct Result: Codable, Sendable, Equatable {
    public var workload: Workload
    public var precision: Precision
    public var sfumato = Times()
    /// The workload's FLOPs over the convolution rates: a lower bound on this machine, in seconds.
    public var floor = Double.nan
    public var eager: PyTorchTimes?, compiled: PyTorchTimes?

    /// Sfumato's median over the floor.
    public var ratio: Double { sfumato.median / floor }
  }

  /// PyTorch's times, or why they are missing.
  public struct PyTorchTimes: Codable, Sendable, Equatable {
    public var times = Times()
    /// Seconds spent building, compiling and on the first runs.
    public var preparation = 0.0
    public var failure: String?
  }

  public struct PyTorch: Codable, Sendable, Equatable {
    public var executable: String
    public var version: String, python: String
  }

  public var name: String
  public var batch: Int
  /// Channels, height, width.
  public var image: [Int]
  public var parameters: Int
  public var operations: Operations
  public var machine: MachineFacts
  public var libtorch: String
  public var threads: Int
  /// The load average at the start; nil where the system does not report it.
  public var loadAtStart: Double?
  public var rates: [Rates] = []
  public var results: [Result] = []
  public var pytorch: PyTorch?
  /// Why there are no PyTorch results, and how to get them.
  public var pytorchProblem: String?

  /// Whether other load on the machine made the results unreliable.
  public var isNoisy: Bool { (loadAtStart ?? 0) > 0.5 }
}

extension BenchmarkReport.Times {
  // The JSON includes the summary too, so that readers need not compute it.
  private enum Keys: String, CodingKey { case median, fastest, runs }

  public init(from decoder: any Decoder) throws {
    runs = try decoder.container(keyedBy: Keys.self).decode([Double].self, forKey: .runs)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    if !runs.isEmpty {
      try container.encode(median, forKey: .median)
      try container.encode(fastest, forKey: .fastest)
    }
    try container.encode(runs, forKey: .runs)
  }
}

extension BenchmarkReport.Rates {
  /// Keeps the faster of two measurements: slowdowns by other load are not a property of the machine.
  mutating func take(_ other: ConvolutionRate) {
    forward = max(forward, other.forward)
    inputGradient = max(inputGradient, other.inputGradient)
    weightGradient = max(weightGradient, other.weightGradient)
  }

  func floor(of workload: BenchmarkReport.Workload, flops: Double) -> Double {
    switch workload {
    case .forward: flops / forward
    case .training: flops / forward + flops / inputGradient + flops / weightGradient
    }
  }
}
