import Diffusion
import Models
import Networks
import Tensors
import Training

extension TrainingLoss {
  /// The loss of a student against its teacher; the timesteps are the student's steps.
  convenience init(
    distilling distillation: DistillationRecipe, _ recipe: TrainRecipe, _ model: ModelRecipe, _ student: any DiffusionNetwork,
    on device: Device
  ) throws {
    let training = recipe.training
    let loss = try ProgressiveDistillation(
      model.process.makeDiffusion(), steps: distillation.steps, error: training.loss.member.predictionError ?? SquaredError(),
      weighting: training.lossWeighting.member)
    let teacher = try DistillationTeacher(distillation, precision: training.precision.resolved(on: device), on: device)
    self.init(training, loss.process, model.data, student, on: device) { x0, t, noise, conditioning, student in
      loss(x0, at: t, noise: noise, teacher: teacher.denoiser(conditioning), student: student)
    }
  }
}
