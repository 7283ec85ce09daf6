import Checkpoints
import Failures
import Foundation
import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Training

/// The weights that a training starts from, of a model, a run or a diffusers folder.
struct InitialWeights {
  let weights: StateDict, average: StateDict
  /// The model as the user named it.
  let source: String

  /// - Throws: `SfumatoError` when there is no such model; what reading it throws.
  init(_ model: String) throws {
    source = model
    let place = try ModelLocator.locate(model)
    switch place {
    case .diffusers(let folder):
      let network = try Model(DiffusersFolder(folder)).network
      (weights, average) = (network.stateDict(), network.stateDict())
    case .file(let path):
      average = try Self.state(path)
      weights = average
    case .checkpoint(let folder):
      average = try Self.state("\(folder)/model.safetensors")
      weights = try Self.state("\(folder)/weights.safetensors")
    }
  }

  private static func state(_ path: String) throws -> StateDict {
    let state = try TensorFile(path).state
    return StateDict(state.entries.map { ($0.name, $0.tensor.dtype.isFloatingPoint ? $0.tensor.to(.float32) : $0.tensor) })
  }

  /// Both, for a network of these parameters.
  /// - Parameters:
  ///   - parameters: of the new network, as they were initialised.
  ///   - partial: whether what does not fit keeps its new values.
  /// - Returns: `fresh`: the names of the parameters that are new.
  /// - Throws: `SfumatoError` that names what does not fit, unless `partial`.
  func fitted(to parameters: StateDict, partial: Bool) throws -> (weights: StateDict, average: StateDict, fresh: [String]) {
    let unfit = parameters.entries.filter { weights[$0.name]?.shape != $0.tensor.shape }.map(\.name)
    let unknown = weights.names.filter { parameters[$0] == nil }
    guard partial || (unfit.isEmpty && unknown.isEmpty) else { throw mismatch(parameters, unfit, unknown) }
    guard unfit.count < parameters.count else {
      throw SfumatoError(.data, "training.initial_weights: none of the \(weights.count) tensors in \(source) fits this network")
    }
    func fitted(_ state: StateDict) -> StateDict {
      StateDict(parameters.entries.map { name, new in (name, unfit.contains(name) ? new : state[name] ?? new) })
    }
    return (fitted(weights), fitted(average), unfit)
  }

  private func mismatch(_ parameters: StateDict, _ unfit: [String], _ unknown: [String]) -> SfumatoError {
    func shape(_ tensor: Tensor?) -> String { tensor.map { "\($0.shape)" } ?? "nothing" }
    let lines =
      unfit.map { "\($0): this network has \(shape(parameters[$0])), the model \(shape(weights[$0]))" }
      + unknown.map { "\($0): not part of this network" }
    let more = lines.count > 6 ? "\n  and \(lines.count - 6) more" : ""
    return SfumatoError(
      .data,
      "training.initial_weights: \(source) does not fit this network\n  " + lines.prefix(6).joined(separator: "\n  ") + more
        + "\n  training.initial_weights_partial=true takes what fits and initialises the rest anew")
  }
}
