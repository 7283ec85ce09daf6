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

/// The initial weights of a run, from a model, another run or a diffusers folder.
struct InitialWeights {
  let weights: StateDict, average: StateDict
  /// The model as the user named it.
  let source: String

  /// - Throws: `SfumatoError` when there is no such model; errors from reading it.
  init(_ model: String) throws {
    source = model
    let place = try ModelLocator.locate(model)
    switch place {
    case .diffusers(let folder):
      average = try Self.checked(Model(DiffusersFolder(folder)).network.stateDict(), folder)
      weights = average
    case .file(let path):
      average = try Self.state(path)
      weights = average
    case .checkpoint(let folder):
      try RunFolder.verify(checkpoint: folder)
      average = try Self.state("\(folder)/model.safetensors")
      weights = try Self.state("\(folder)/weights.safetensors")
    }
  }

  private static func state(_ path: String) throws -> StateDict {
    let state = try TensorFile(path).state
    return try checked(
      StateDict(state.entries.map { ($0.name, $0.tensor.dtype.isFloatingPoint ? $0.tensor.to(.float32) : $0.tensor) }), path)
  }

  /// - Throws: `SfumatoError` for numbers that are not finite.
  private static func checked(_ state: StateDict, _ path: String) throws -> StateDict {
    for (name, tensor) in state.entries where tensor.dtype.isFloatingPoint {
      guard try tensor.isFinite().all().item() != 0 else {
        throw SfumatoError(
          .data, "training.initial_weights: \(name) in \(path) holds numbers that are not finite; take an earlier checkpoint")
      }
    }
    return state
  }

  /// Weights and average for a network with these parameters.
  /// - Parameters:
  ///   - parameters: the new network's parameters as initialised.
  ///   - partial: whether parameters that do not fit keep their initial values.
  /// - Returns: `fresh`: the names of the parameters that kept their initial values.
  /// - Throws: `SfumatoError` that lists the mismatches, unless `partial`.
  func fitted(to parameters: StateDict, partial: Bool) throws -> (weights: StateDict, average: StateDict, fresh: [String]) {
    let mismatched = parameters.entries.filter { weights[$0.name]?.shape != $0.tensor.shape }.map(\.name)
    let unknown = weights.names.filter { parameters[$0] == nil }
    guard partial || (mismatched.isEmpty && unknown.isEmpty) else { throw mismatch(parameters, mismatched, unknown) }
    guard mismatched.count < parameters.count else {
      throw SfumatoError(.data, "training.initial_weights: none of the \(weights.count) tensors in \(source) fits this network")
    }
    func fitted(_ state: StateDict) -> StateDict {
      StateDict(parameters.entries.map { name, new in (name, mismatched.contains(name) ? new : state[name] ?? new) })
    }
    return (fitted(weights), fitted(average), mismatched)
  }

  private func mismatch(_ parameters: StateDict, _ mismatched: [String], _ unknown: [String]) -> SfumatoError {
    func shape(_ tensor: Tensor?) -> String { tensor.map { "\($0.shape)" } ?? "nothing" }
    let lines =
      mismatched.map { "\($0): this network has \(shape(parameters[$0])), the model \(shape(weights[$0]))" }
      + unknown.map { "\($0): not part of this network" }
    let more = lines.count > 6 ? "\n  and \(lines.count - 6) more" : ""
    return SfumatoError(
      .data,
      "training.initial_weights: \(source) does not fit this network\n  " + lines.prefix(6).joined(separator: "\n  ") + more
        + "\n  training.initial_weights_partial=true uses the weights that fit and initialises the rest")
  }
}
