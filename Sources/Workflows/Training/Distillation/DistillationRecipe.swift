import Diffusion
import RecipeKit

/// How a model is distilled into one that samples in few steps: a section of training recipes. Network, process and classes are the
/// teacher's, and so are the weights that training starts from, unless `training.initial_weights` names others.
public struct DistillationRecipe: Recipe {
  /// The model that is distilled: a file, a run, a diffusers folder or the name of a bundled model.
  public var teacher = ""
  /// Steps of DDIM that the student takes; each learns to do what two of the teacher do. A quarter of these is reached by two trainings, the
  /// second with the first's model as its teacher.
  public var steps = 8
  /// Scale of the teacher's guidance, which the student learns to do without; null for that of the teacher's recipe.
  public var guidanceScale: Double?
  /// The noise over signal, least and most, at which it is applied; null for those of the teacher's recipe.
  public var guidanceInterval: [Double]?
  public init() {}

  public func validate() throws(RecipeError) {
    try require(!teacher.isEmpty, "teacher", "expected a model, such as digits or runs/digits, found none")
    let most = DiscreteProcess.stepLimit / 2
    try require((1...most).contains(steps), "steps", "expected 1 to \(most), found \(steps)")
    if let guidanceScale {
      try require((0...1000).contains(guidanceScale), "guidance_scale", "expected 0 to 1000, found \(guidanceScale)")
    }
    guard let range = guidanceInterval else { return }
    try require(
      range.count == 2 && range[0] >= 0 && range[0] <= range[1], "guidance_interval",
      "expected the least and the most of noise over signal, such as [0.2, 5], found \(range)")
  }
}
