import Failures
import Foundation
import Imaging
import Models
import Tensors
import Training

extension SamplingJob {
  /// Metadata from which a picture of these samples can be reproduced: the program, the command, the model and every setting.
  /// - Parameter command: the words of the command, the program's name first.
  public func notes(command: [String] = []) throws -> PictureNotes {
    var notes: PictureNotes = ["Software": "Sfumato \(sfumatoVersion)"]
    if !command.isEmpty { notes.add("\(ShellCommand(command))", as: SampleRecord.commandKey) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    notes.add(String(decoding: try encoder.encode(SampleRecord(self)), as: UTF8.self), as: SampleRecord.key)
    return notes
  }
}

/// Everything that determines the samples.
struct SampleRecord: Encodable {
  static let key = "sfumato.sample", commandKey = "sfumato.command"

  let model: String, trained: Provenance
  let seed: UInt64, noiseOrder: String
  let count: Int, batch: Int
  /// The class names that the images take in turn; empty without classes.
  let classes: [String]
  /// The texts that the images take in turn, if any.
  let text: [String]?
  /// The file of the context vectors, if any.
  let context: String?
  let device: String, precision: Precision
  /// Whether convolutions were libtorch's own, and the instruction sets and threads that the bytes may depend on.
  let exactConvolutions: Bool, processor: [String], threads: Int
  let settings: SamplingPlan.SamplerSettings

  init(_ job: SamplingJob) {
    let request = job.plan.request
    (model, trained) = (request.model, job.plan.model.provenance)
    (seed, noiseOrder) = (request.seed, request.noiseOrder.rawValue)
    (count, batch) = (request.count, request.batchSize)
    // Classes take turns, so one round is enough.
    let labels = job.plan.classes.compactMap { $0 }
    classes = labels.prefix((labels.dropFirst().firstIndex(of: labels.first ?? 0)) ?? labels.count).map { job.plan.className($0) }
    text = job.plan.texts
    context = if case .file(let path) = request.contexts { path } else { nil }
    (device, precision) = (request.device.description, request.precision)
    (exactConvolutions, processor, threads) = (Torch.exactConvolutions, Torch.cpuFeatures, Torch.threadCount)
    settings = job.plan.settings
  }
}
