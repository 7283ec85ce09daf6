import NN
import Networks
import Tensors
import Training

/// Sfumato's side of one result: the network prepared for timed runs.
struct BenchmarkWork {
  private let run: () throws -> Void

  init(_ subject: BenchmarkSubject, batch: Int, output: [Int], _ workload: BenchmarkReport.Workload, _ precision: Precision) throws {
    let inputs = Inputs(subject, batch: batch, output: output)
    run =
      switch workload {
      case .forward: try Self.forward(subject, inputs, precision)
      case .training: try Self.training(subject, inputs, precision)
      }
  }

  /// Runs once untimed, then `count` times.
  /// - Returns: the seconds of each timed run.
  func times(_ count: Int) throws -> [Double] {
    try run()
    return try (0..<count).map { _ in
      let start = ContinuousClock.now
      try run()
      return start.duration(to: .now) / .seconds(1)
    }
  }

  private struct Inputs {
    let x: Tensor, timesteps: Tensor, conditioning: Conditioning, target: Tensor

    init(_ subject: BenchmarkSubject, batch: Int, output: [Int]) {
      let random = Seed(0).generator(for: .noise)
      x = Tensor.randn([batch, subject.channels, subject.height, subject.width], using: random).channelsLast()
      timesteps = Tensor.randint(0..<1000, [batch], using: random)
      conditioning = Conditioning(
        labels: subject.classRows.map { Tensor.randint(0..<$0, [batch], using: random) },
        context: subject.contextDim.map { Tensor.randn([batch, $0], using: random) },
        lowRes: subject.takesPicture ? Tensor.randn(x.shape, using: random).channelsLast() : nil)
      target = Tensor.randn(output, using: random).channelsLast()
    }
  }

  private static func forward(_ subject: BenchmarkSubject, _ inputs: Inputs, _ precision: Precision) throws -> () throws -> Void {
    let network = try subject.makeNetwork().prepared(for: precision.dtype)
    return {
      try withoutGradient {
        network(inputs.x, timesteps: inputs.timesteps, conditioning: inputs.conditioning, mode: .inference)
      }.validated()
    }
  }

  /// The step of `Trainer` without data loading: the loss is the mean squared error over all channels.
  private static func training(_ subject: BenchmarkSubject, _ inputs: Inputs, _ precision: Precision) throws -> () throws -> Void {
    let network = try subject.makeNetwork()
    let parameters = network.namedParameters()
    let optimizer = AdamW(parameters), average = ExponentialMovingAverage(parameters, rate: 0.999)
    let dropout = Seed(0).generator(for: .dropout)
    return {
      let output = withAutocast(to: precision.dtype, on: .cpu) {
        network(inputs.x, timesteps: inputs.timesteps, conditioning: inputs.conditioning, mode: .training(dropout))
      }
      try optimizer.clearGradients()
      try (output - inputs.target).square().mean().backward()
      let norm = try optimizer.gradientNorm()
      try optimizer.step(learningRate: 1e-4, gradientScale: norm > 1 ? 1 / norm : 1, updating: average)
    }
  }
}
