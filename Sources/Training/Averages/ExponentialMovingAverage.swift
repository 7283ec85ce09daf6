import NN
import Tensors

/// A moving average of the parameters, which sampling uses.
///
/// Schedules are not parameters, so it does not average them. By default it is exponential (Polyak and Juditsky 1992); early on the
/// rate is lower, (1 + step) / (10 + step), so that the average leaves the initial values behind at once.
public final class ExponentialMovingAverage {
  public let profile: any AverageProfile
  private let names: [String]
  private let parameters: [Tensor]
  /// In the parameters' order.
  let averages: [Tensor]
  private let buffers: [(name: String, buffer: Buffer)]
  public private(set) var steps = 0

  /// - Parameter buffers: of the same module: they do not change, and are part of its state.
  public init(
    _ parameters: [(name: String, parameter: Parameter)], buffers: [(name: String, buffer: Buffer)] = [], profile: any AverageProfile
  ) {
    self.profile = profile
    self.buffers = buffers
    names = parameters.map(\.name)
    self.parameters = parameters.map { $0.parameter.value.detach() }
    averages = self.parameters.map { $0.clone() }
  }

  public convenience init(
    _ parameters: [(name: String, parameter: Parameter)], buffers: [(name: String, buffer: Buffer)] = [], rate: Double
  ) {
    self.init(parameters, buffers: buffers, profile: ExponentialProfile(rate: rate))
  }

  /// The rate of the update after `steps` earlier ones.
  public static func warmedUp(_ rate: Double, steps: Int) -> Double {
    min(rate, Double(1 + steps) / Double(10 + steps))
  }

  /// The number of updates after which the warm-up has reached a rate.
  public static func stepsOfWarmUp(to rate: Double) -> Int { max(0, Int(((10 * rate - 1) / (1 - rate)).rounded(.up))) }

  /// average ← rate average + (1 − rate) parameter.
  public func update() throws(TorchFault) {
    try InPlace.average(averages, towards: parameters, rate: nextRate)
    didUpdate()
  }

  /// The rate of the next update.
  var nextRate: Double { profile.rate(afterUpdates: steps) }

  /// Counts an update that an optimizer made along with its step.
  func didUpdate() { steps += 1 }

  /// A snapshot of the averages under the parameters' names, and of the buffers.
  public func stateDict() -> StateDict {
    StateDict(zip(names, averages.map { $0.clone() }) + buffers.map { ($0.name, $0.buffer.value.clone()) })
  }

  /// Restores a snapshot taken after `steps` updates.
  public func load(_ dict: StateDict, steps: Int) throws {
    let shapes = zip(names, averages).map { ($0, $1.shape) } + buffers.map { ($0.name, $0.buffer.value.shape) }
    try StateMismatch.check(expected: shapes, found: dict)
    for (name, average) in zip(names, averages) { try InPlace.copy(dict[name]!, into: average) }
    self.steps = steps
  }

  /// Begins anew with the parameters as they are.
  func restart() throws(TorchFault) {
    for (average, parameter) in zip(averages, parameters) { try InPlace.copy(parameter, into: average) }
    steps = 0
  }
}
