import NN
import Tensors

/// The moving averages that a run keeps beside the one it samples from.
package final class FurtherAverages {
  package let averages: [ExponentialMovingAverage]

  init(
    _ parameters: [(name: String, parameter: Parameter)], buffers: [(name: String, buffer: Buffer)] = [],
    _ profiles: [any AverageProfile]
  ) {
    averages = profiles.map { ExponentialMovingAverage(parameters, buffers: buffers, profile: $0) }
  }

  func update() throws(TorchFault) { for average in averages { try average.update() } }

  /// Updates so far, by the average's label.
  package var updates: [String: Int] {
    Dictionary(averages.map { ($0.profile.label, $0.steps) }) { first, _ in first }
  }

  /// The averages, under their labels and a slash before the parameters' names.
  package func stateDict() -> StateDict { Self.state(of: averages) }

  /// The averages by a power of the step alone, from which others can be made later.
  package func powerState() -> StateDict { Self.state(of: averages.filter { $0.profile is PowerProfile }) }

  private static func state(of averages: [ExponentialMovingAverage]) -> StateDict {
    StateDict(
      averages.flatMap { average in average.stateDict().entries.map { ("\(average.profile.label)/\($0.name)", $0.tensor) } })
  }

  /// Restores those that the state holds; others begin with the parameters as they are, which are restored before.
  /// - Throws: `StateMismatch` when an average does not fit the module.
  func load(_ state: StateDict, updates: [String: Int]) throws {
    for average in averages {
      let part = Self.part(average.profile.label, of: state)
      if part.count > 0, let steps = updates[average.profile.label] {
        try average.load(part, steps: steps)
      } else {
        try average.restart()
      }
    }
  }

  /// The tensors of one average, under the parameters' names.
  package static func part(_ label: String, of state: StateDict) -> StateDict {
    StateDict(state.entries.filter { $0.name.hasPrefix("\(label)/") }.map { (String($0.name.dropFirst(label.count + 1)), $0.tensor) })
  }

  /// The labels that a state has averages of, in alphabetical order.
  package static func labels(of state: StateDict) -> [String] {
    Set(state.names.compactMap { name in name.firstIndex(of: "/").map { String(name[..<$0]) } }).sorted()
  }
}
