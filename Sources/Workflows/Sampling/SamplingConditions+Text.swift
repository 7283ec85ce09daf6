import Datasets
import Failures
import Models
import NN
import Networks
import Tensors

extension SamplingConditions {
  /// The texts of a request as training reads captions, on one line.
  /// - Throws: `SfumatoError` for a model without texts, and for texts that it cannot read.
  static func texts(_ given: [String], _ request: SamplingRequest, _ data: DataSpec, _ encoder: TextEncoder?) throws -> [String] {
    guard let encoder else { throw SfumatoError(.usage, "this model takes no text\(instead(of: data))") }
    guard request.classes != .none else {
      throw SfumatoError(.usage, "'no class' and texts exclude each other; leave one of --class and --text out")
    }
    let texts = given.map(Caption.normalized), limit = encoder.recipe.maxLength
    guard !texts.isEmpty else { throw SfumatoError(.usage, "there is no text; give one with --text") }
    if let long = texts.first(where: { $0.utf8.count > limit }) {
      throw SfumatoError(
        .usage, "the text '\(long)' has \(long.utf8.count) bytes, and this model reads at most \(limit); expected a shorter one")
    }
    guard data.nullContext || !texts.contains("") else {
      throw SfumatoError(.usage, "an empty text needs a model that was trained with training.class_dropout above 0; this one was not")
    }
    return texts
  }

  private static func instead(of data: DataSpec) -> String {
    if let size = data.contextSize { return ", but context vectors of \(size) numbers; give some with --context" }
    return data.classNames.isEmpty ? ": it is unconditional; leave --text out" : ", but classes; name some with --class"
  }

  /// A row for each text, `[K, D]` float32. Each is encoded alone, so that its vector does not depend on the others.
  static func vectors(of texts: [String], by encoder: TextEncoder, on device: Device) throws -> Tensor {
    var rows: [String: Tensor] = [:]
    let all = try texts.map { text in
      if let row = rows[text] { return row }
      let row = try withoutGradient { encoder(Tensor(texts: [text]).to(device)) }.validated()
      rows[text] = row
      return row
    }
    return try Tensor.cat(all, dim: 0).validated()
  }
}
