import Checkpoints
import Failures
import Foundation
import Models
import Tensors
import Training

/// A model from the averages that a run has kept beside the one it samples from: one of them as it is, or one of any length made up
/// of snapshots after the training.
public struct AverageReconstruction {
  public enum Choice: Sendable, Equatable {
    /// An average of the type `power` of this length, a share of the training; see `PowerProfile`.
    case length(Double)
    /// An average of the type `rate`, as the newest checkpoint has it.
    case rate(Double)
  }

  public struct Result: Codable, Sendable, Equatable {
    /// The step that the average is of.
    public let step: Int
    public let snapshots: Int
    /// How far the average is from the one asked for: the norm of the difference of their profiles over that of the profile; 0 for
    /// one that was kept.
    public let error: Double
  }

  private let folder: RunFolder
  private let choice: Choice

  /// - Parameter run: a run folder, of this machine or copied from another.
  /// - Throws: `CheckpointError` when there is none; `SfumatoError` for an impossible length.
  public init(run: String, _ choice: Choice) throws {
    folder = try RunFolder(existing: run)
    self.choice = choice
    if case .length(let length) = choice, !PowerProfile.isPossible(length: length) {
      throw SfumatoError(.usage, "length \(length) is not possible; expected a share of the training, 0.001 to \(PowerProfile.longest)")
    }
  }

  /// Writes the model file.
  /// - Throws: errors of the snapshots, which are checked before they are used.
  public func write(to path: String) throws -> Result {
    let model = try Safetensors.read(folder.latestModelPath())
    let (state, result) = try averaged(like: model.state)
    var metadata = model.metadata
    if let provenance = ModelFile.provenance(metadata), let images = images(of: provenance, at: result.step) {
      var provenance = provenance
      (provenance.step, provenance.images) = (result.step, images)
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      metadata[ModelFile.provenanceKey] = String(decoding: try encoder.encode(provenance), as: UTF8.self)
    }
    try Safetensors.write(state, metadata: metadata, to: path)
    return result
  }

  private func images(of provenance: Provenance, at step: Int) -> Int? {
    provenance.step > 0 ? Int((Double(provenance.images) / Double(provenance.step) * Double(step)).rounded()) : nil
  }

  private func averaged(like model: StateDict) throws -> (StateDict, Result) {
    switch choice {
    case .rate(let rate): return try kept(rate, like: model)
    case .length(let length): return try reconstructed(length, like: model)
    }
  }

  // MARK: Kept averages

  private func kept(_ rate: Double, like model: StateDict) throws -> (StateDict, Result) {
    let checkpoint = try folder.checkpoint(at: (folder.latestCheckpointPath() as NSString).lastPathComponent)
    let emaRate = try TrainRecipe(path: folder.recipePath).training.emaRate
    if emaRate == rate {
      // The run's own average, which the model has.
      return (model, Result(step: checkpoint.position.step, snapshots: 1, error: 0))
    }
    let labels = [ExponentialProfile(rate: rate).label, ExponentialProfile(rate: rate, warmup: false).label]
    guard let label = labels.first(where: { FurtherAverages.part($0, of: checkpoint.averages).count > 0 }) else {
      let found = FurtherAverages.labels(of: checkpoint.averages)
      throw SfumatoError(
        .data,
        "\(folder.path) keeps no average of rate \(rate); it has \(found.isEmpty ? "none" : found.joined(separator: ", ")) beside that of "
          + "its ema_rate \(emaRate); set training.averages before training")
    }
    let part = FurtherAverages.part(label, of: checkpoint.averages)
    try check(part, like: model, "checkpoint of step \(checkpoint.position.step)")
    return (part, Result(step: checkpoint.position.step, snapshots: 1, error: 0))
  }

  // MARK: Reconstruction

  /// A snapshot's averages by a power of the step, and the profile of each.
  private struct Source {
    let path: String, label: String
    let profile: PostHocAverage.Profile
  }

  private func reconstructed(_ length: Double, like model: StateDict) throws -> (StateDict, Result) {
    let snapshots = try folder.averageSnapshots()
    let sources = snapshots.flatMap { snapshot in
      snapshot.updates.sorted { $0.key < $1.key }.compactMap { label, updates in Self.source(snapshot.path, label, updates) }
    }
    guard let last = snapshots.last, let time = sources.map(\.profile.time).max() else {
      throw SfumatoError(
        .data,
        "\(folder.path) has no snapshots of averages of the type power; expected some, which training.averages: "
          + "[{ type: power, length: 0.05 }, { type: power, length: 0.1 }] makes during training")
    }
    let target = PostHocAverage.Profile(exponent: PowerProfile(length: length).exponent, time: time)
    guard let average = PostHocAverage(target, from: sources.map(\.profile)) else {
      throw SfumatoError(.data, "the snapshots in \(folder.path) do not determine an average of length \(length); train for longer")
    }
    let state = try sum(sources, average.weights, like: model)
    return (state, Result(step: last.step, snapshots: snapshots.count, error: average.error))
  }

  /// nil for averages of other types, and for those that have no update yet.
  private static func source(_ path: String, _ label: String, _ updates: Int) -> Source? {
    guard label.hasPrefix("power="), let length = Double(label.dropFirst("power=".count)), PowerProfile.isPossible(length: length),
      updates > 0
    else { return nil }
    let profile = PostHocAverage.Profile(exponent: PowerProfile(length: length).exponent, time: Double(updates))
    return Source(path: path, label: label, profile: profile)
  }

  /// Sums in float64, because large weights of both signs cancel. One file is mapped at a time.
  private func sum(_ sources: [Source], _ weights: [Double], like model: StateDict) throws -> StateDict {
    var sums: [String: Tensor] = [:]
    for (source, weight) in zip(sources, weights) where weight != 0 {
      let part = FurtherAverages.part(source.label, of: try Safetensors.read(source.path).state)
      try check(part, like: model, source.path)
      for (name, tensor) in part.entries {
        let term = weight * tensor.to(.float64)
        sums[name] = try (sums[name].map { $0 + term } ?? term).validated()
      }
      try Interruption.check()
    }
    return StateDict(model.names.compactMap { name in sums[name].map { (name, $0.to(.float32)) } })
  }

  private func check(_ part: StateDict, like model: StateDict, _ place: String) throws {
    let wrong = model.entries.first { part[$0.name]?.shape != $0.tensor.shape }?.name
    guard wrong == nil, part.count == model.count else {
      throw SfumatoError(
        .data,
        "\(place) does not belong to the model of \(folder.path): \(wrong ?? "it has other tensors") differs; expected the "
          + "averages of the same network; delete the snapshots of an earlier one")
    }
  }
}
