import Tensors

/// Gradient checkpointing: a module's intermediate results are recomputed in the backward pass instead of being kept, so that training
/// takes less memory and about a third more time.
package final class Recomputation: NotState {
  private let parameters: [Parameter]

  package init(of module: some Module) {
    parameters = module.state().compactMap { if case .parameter(let parameter) = $0.entry { parameter } else { nil } }
  }

  /// body(inputs); both runs get the same random numbers.
  package func callAsFunction(_ inputs: [Tensor], mode: Mode, _ body: @escaping ([Tensor]) -> Tensor) -> Tensor {
    guard case .training(let generator) = mode, isGradientEnabled else { return body(inputs) }
    do {
      let start = try generator.state()
      var isFirst = true
      return .recomputed(inputs, parameters: parameters.map(\.value)) { inputs in
        if isFirst {
          isFirst = false
          return body(inputs)
        }
        return generator.rewound(to: start) { body(inputs) }
      }
    } catch {
      return Tensor(failing: error)
    }
  }
}

extension Generator {
  /// Runs `body` with the random numbers that follow `state`, then restores the generator's current state.
  fileprivate func rewound(to state: Tensor, _ body: () -> Tensor) -> Tensor {
    do throws(TorchFault) {
      let now = try self.state()
      try restore(state)
      let result = body()
      try restore(now)
      return result
    } catch {
      return Tensor(failing: error)
    }
  }
}
