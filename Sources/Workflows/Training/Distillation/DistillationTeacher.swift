import Diffusion
import Failures
import Models
import Networks
import Tensors
import Training

/// The teacher of a distillation, with its guidance and clipping.
struct DistillationTeacher {
  private let network: any DiffusionNetwork
  private let diffusion: GaussianDiffusion
  private let sampling: SamplingRecipe
  private let data: DataSpec

  /// - Throws: `SfumatoError` for guidance that the model does not know; errors from reading it.
  init(_ recipe: DistillationRecipe, precision: Precision, on device: Device) throws {
    let model = try Model(recipe.teacher, on: device)
    network = try model.network.prepared(for: precision.dtype)
    (data, diffusion) = (model.recipe.data, try model.recipe.process.makeDiffusion())
    var sampling = model.recipe.sampling
    sampling.guidanceScale = recipe.guidanceScale ?? sampling.guidanceScale
    sampling.guidanceInterval = recipe.guidanceInterval ?? sampling.guidanceInterval
    self.sampling = sampling
    guard sampling.guidanceScale == 1 || !data.isConditional || data.knowsNull else {
      throw SfumatoError(
        .data,
        "distillation.guidance_scale \(sampling.guidanceScale) needs a teacher that was trained with training.class_dropout above 0; "
          + "\(recipe.teacher) was not, so use 1")
    }
  }

  /// The null class or zeros for each of some classes or vectors; nil for a model without.
  private func null(like condition: Tensor) -> Tensor? {
    guard data.knowsNull else { return nil }
    return .full(Double(data.nullClass ?? 0), like: condition)
  }

  /// The denoiser for images with this conditioning.
  func denoiser(_ conditioning: Conditioning) -> AnyDenoiser {
    let given = withoutGradient { network.encodingText(of: conditioning) }
    let condition = given.labels ?? given.context
    return sampling.guided(condition, null: condition.flatMap(null(like:))) { [network, diffusion, data] condition in
      let conditioning = data.contextSize == nil ? Conditioning(labels: condition) : Conditioning(context: condition)
      return diffusion.denoiser { network($0, timesteps: $1, conditioning: conditioning, mode: .inference) }
    }
  }
}
