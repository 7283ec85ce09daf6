import Failures
import NN

extension SfumatoError {
  /// A checkpoint that does not fit the network of a recipe.
  /// - Parameters:
  ///   - network: the recipe, for messages: `network adm_unet`, `preset adm-lsun-cat`.
  ///   - evidence: what the checkpoint's shapes contradict in the recipe.
  ///   - witness: where the recipe comes from.
  package init(
    _ mismatch: StateMismatch, checkpoint: String, network: String, evidence: RecipeEvidence? = nil, against witness: String = "its recipe"
  ) {
    let reasons = (evidence?.contradictions ?? []).map {
      "\n  by its shapes the checkpoint has \($0.field): \($0.checkpoint); \(witness) says \($0.recipe)"
    }
    self.init(.data, "checkpoint \(checkpoint) does not fit \(network)\n  \(mismatch)" + reasons.joined())
  }
}
