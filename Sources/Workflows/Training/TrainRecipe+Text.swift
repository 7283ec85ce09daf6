import Datasets
import Failures
import Models
import Networks
import RecipeKit
import Training

// Training on captions: `data.captions`, and `text_encoder`, which makes the context vectors of the network of them.
extension TrainRecipe {
  func validateText() throws(RecipeError) {
    guard textEncoder != nil, corruptions != nil else { return }
    throw RecipeError(place: nil, path: "text_encoder", "restoring networks take no texts; expected null beside corruptions")
  }

  /// Whether the model that is trained takes the data's captions; that of a distillation does as its teacher does.
  func takesText() throws -> Bool { try textRecipe() != nil }

  /// The encoder of the model that is trained; nil for a model without texts.
  func textRecipe() throws -> TextEncoder.Recipe? {
    guard let distillation else { return textEncoder }
    return try ReferredModel(distillation.teacher, key: "distillation.teacher").recipe.textEncoder
  }

  /// Length of the context vectors that images have in place of classes: those of their captions, or the data set's own.
  func contextSize(of dataset: any Dataset) throws -> Int? { try textRecipe()?.width ?? dataset.contextSize }

  /// Captions and what reads them come together.
  /// - Throws: `SfumatoError` where one is there without the other.
  func checkCaptions(of dataset: any Dataset) throws {
    switch (try takesText(), dataset.hasCaptions) {
    case (true, false):
      throw SfumatoError(
        .data,
        "a text encoder learns from captions, and the data have none; expected data.captions, such as { from: file } for a text file beside each "
          + "picture")
    case (false, true) where classifier == nil:
      throw SfumatoError(
        .data,
        "data.captions gives each picture a text, which nothing reads; expected a section text_encoder, such as text_encoder: {}, or no captions"
      )
    case (true, true) where dataset.contextSize != nil:
      throw SfumatoError(.data, "the pictures come with captions and with context vectors; expected one of the two")
    default: break
    }
  }

  /// - Throws: `SfumatoError` for a network that takes no vectors.
  func checkContext(of model: ModelRecipe) throws {
    guard textEncoder != nil, model.network.member.contextDim == nil else { return }
    throw SfumatoError(
      .data, "network \(model.network.type) takes no context vectors, which the text encoder makes; expected adm_unet or context_unet")
  }

  /// What the user should know of the captions: ends that are not read.
  func notes(onCaptionsOf dataset: any Dataset) throws -> [String] {
    guard let length = try textRecipe()?.maxLength else { return [] }
    let cut = (0..<dataset.count).count { (dataset.caption(at: $0)?.utf8.count ?? 0) > length }
    guard cut > 0 else { return [] }
    return ["\(cut) of \(dataset.count) captions are longer than text_encoder.max_length, \(length) bytes: their ends are not read"]
  }
}
