import Diffusion
import Models
import NN
import Networks
import Tensors

/// How a model restores: what the canvas, which knows of tiles, steps and files alone, asks of it. `TrainedRestoration` is a model that was trained
/// to restore, `PriorRestoration` one that was trained to sample.
protocol RestorationMethod {
  var recipe: any DiffusionModelRecipe { get }
  var diffusion: GaussianDiffusion { get }
  /// How many times larger the result is than the picture that the method is given.
  var factor: Int { get }
  var tiles: TileDemands { get }
  /// Whether estimates of the noise do not follow from those of the images; see `PredictionPlanes`.
  var epsilonIsOwn: Bool { get }
  /// The names of the strengths that a run is given, in their order, and their meaning.
  var strengthNames: [String] { get }
  var strengthScales: StrengthScales { get }

  /// The conditioning of a pass over tiles, with shapes alone, and how many images the pass has for each tile.
  func shapedPass(tiles: Int, side: Int) -> (conditioning: Conditioning, imagesPerTile: Int)

  /// The estimates for a batch of tiles.
  /// - Parameters: x: noisy pictures, or residuals, `[N, C, H, W]`, on the device; input: of these tiles, on the CPU.
  func predict(_ x: Tensor, _ input: RestorationInput, at level: NoiseLevel) -> Prediction

  /// Blended estimates as the sampler is to see them; nil where it sees them as they are.
  /// - Parameters:
  ///   - x0: whole rows of a picture, `[1, C, rows, W]`, a multiple of `tiles.alignment` of them.
  ///   - next: the level to which the step leads.
  ///   - isLast: whether the result is made of this estimate.
  func constrained(_ x0: Tensor, by input: @autoclosure () -> RestorationInput, towards next: NoiseLevel, isLast: Bool) -> Tensor?

  /// What a step gave as the next one is to start from it.
  func stepped(_ transition: Transition, by input: @autoclosure () -> RestorationInput, from t: NoiseLevel, to s: NoiseLevel) -> Tensor

  /// The last stage of a run.
  /// - Parameter color: whether low frequencies are to be held at those of the degraded picture.
  func finish(strengths: [Double], color: Bool) -> any RowFinish

  /// The root mean square of what a result lacks to explain its input, in levels of 255; nil where that cannot be said.
  func unexplained(_ result: MappedPicture, input: MappedPicture, known: MappedPicture?) throws -> Double?
}

extension RestorationMethod {
  func constrained(_ x0: Tensor, by input: @autoclosure () -> RestorationInput, towards next: NoiseLevel, isLast: Bool) -> Tensor? { nil }

  func stepped(_ transition: Transition, by input: @autoclosure () -> RestorationInput, from t: NoiseLevel, to s: NoiseLevel) -> Tensor {
    transition.x
  }
}

/// What a network needs of its tiles.
struct TileDemands {
  /// Tiles begin at multiples of it.
  var step: Int
  /// Whether the network takes sides that are no multiples of `step`.
  var padsItself: Bool
  /// The distance beyond which no pixel has an effect on another; nil where none is out of reach.
  var reach: Int?
  /// The side of the images that the network was trained on.
  var trainedSide: Int
  /// Whether smaller pictures are mirrored up to that side.
  var fillsTrainedSide = false
  /// Rows of the result are computed by multiples of it.
  var alignment = 1
}

/// The rows of a finished run on their way to the file.
protocol RowFinish {
  /// How many rows above and below those that are finished it looks at: a multiple of the method's alignment.
  var radius: Int { get }

  /// What rows of the result are compared with: at least the model's channels, at the size of the result, from 0 to 1.
  func reference(_ rows: Range<Int>, of source: RestorationSourceRows) -> Tensor

  /// The picture for a diffused tensor, in units of 0 to 1.
  /// - Parameters: x: `[1, C, rows, W]`; reference: of the same rows.
  func picture(_ x: Tensor, _ reference: Tensor) -> Tensor

  /// Finished rows.
  /// - Parameters:
  ///   - picture, reference: the rows that are wanted and `radius` more on both sides, or as far as the picture goes.
  ///   - wanted: which of them.
  ///   - drift: to be added to.
  func finished(_ picture: Tensor, _ reference: Tensor, rows wanted: Range<Int>, drift: inout ColourDrift) throws -> Tensor
}
