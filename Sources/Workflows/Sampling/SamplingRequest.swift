import Diffusion
import Tensors
import Training

/// What to sample.
public struct SamplingRequest: Sendable {
  /// A model file, a run folder, a diffusers folder, or the name of a bundled model.
  public var model: String
  public var count = 16
  public var classes = Classes.all
  /// Context vectors or texts that the images take in turn, for a model conditioned on them in place of classes; nil for none.
  public var contexts: Contexts?
  public var seed: UInt64 = 0
  /// Whether each image has its own noise stream, or noise is sampled in the order of the reference loops.
  public var noiseOrder = NoiseOrder.perImage
  public var start = Start.noise
  /// Inpainting of a picture, if any.
  public var inpainting: Inpainting?
  /// Steps skipped at the noisy end.
  public var skippedSteps = 0
  /// How far the finished images are diffused again for a second denoising pass: above 0, up to 1. Nil for a single pass.
  public var secondPass: Double?
  /// Candidates per image, of which the best is kept.
  public var candidates = 1
  /// What scores the candidates.
  public var scorer = CandidateScorer.model
  /// A weaker version of the model, an earlier checkpoint or a smaller network of the same data and process, that guides in place of the null
  /// class (`Autoguidance`), at the guidance scale; nil for none.
  public var autoguidance: String?
  /// A file with a classifier of noisy images for guidance. It provides the classes of a model without any.
  public var classifier: String?
  /// Scale of the classifier guidance; 0 for none.
  public var classifierScale = 1.0
  public var device = Device.cpu
  public var precision = Precision.float32
  /// Images per batch.
  public var batchSize = 50
  /// Overrides of the model's recipe; nil for the model's own.
  public var sampler: (any Sampler)?
  public var steps: Int?
  public var spacing: Spacing?
  public var guidanceScale: Double?
  /// Other overrides in command-line form: `sampling.clip=false`, `sampler.eta=0.5`. Applied last.
  package var settings: [String] = []
  /// Those that the user has typed after `--set`, which messages then name; applied after `settings`.
  package var typedSettings: [String] = []
  /// The number of images, from the first, whose intermediate states are kept for an animation or a denoising sheet.
  public var tracedCount = 0
  /// The steps at which they are kept: the union of these schedules.
  public var tracedMoments = [FrameSchedule.all]
  /// What is kept at these steps.
  public var traced = TraceContent.image

  public init(model: String) { self.model = model }

  public enum Classes: Sendable, Equatable {
    /// Every class in turn; no class for a model without classes.
    case all
    /// These, by name or number, in turn.
    case only([String])
    /// The null class: unconditional samples.
    case none
  }

  /// Context vectors, such as text embeddings, or texts.
  public enum Contexts: Sendable, Equatable {
    /// An array of floating-point numbers in an `.npy` or `.npz` file, `[K, D]`, or `[D]` for all images.
    case file(String)
    case vectors([[Float]])
    /// Texts, of which the model's own encoder makes the vectors.
    case texts([String])
  }

  public enum NoiseOrder: String, Sendable, CaseIterable {
    case perImage = "per-image"
    case batch
  }

  public enum CandidateScorer: String, Sendable, CaseIterable {
    /// The model, by its denoising error.
    case model
    /// The classifier, by its log-probability of the requested class.
    case classifier
  }

  public enum TraceContent: String, Sendable, CaseIterable {
    /// The current image with its remaining noise.
    case image
    /// The model's estimate of the clean image; at the start, where there is none, the image.
    case estimate
  }

  /// What sampling starts from.
  public enum Start: Sendable, Equatable {
    /// Random noise.
    case noise
    /// An array of standard normal numbers, `[N, C, H, W]`, in an `.npz` or `.npy` file.
    case array(file: String)
    /// A picture, diffused to `strength`: above 0, which would leave it unchanged, to 1, which leaves almost nothing of it.
    case picture(file: String, strength: Double)
  }

  /// Inpainting of the masked part of a picture.
  public struct Inpainting: Sendable, Equatable {
    public enum Method: String, Sendable, CaseIterable {
      /// RePaint: repeatedly noises and denoises again, which harmonises both parts, at the cost of many more steps.
      case repaint
      /// Only restores the known part after every step.
      case mask
    }
    public var picture: String
    /// A picture that is white where `picture` is to be repainted and black where it is kept.
    public var mask: String
    public var method = Method.repaint

    public init(picture: String, mask: String, method: Method = .repaint) {
      self.picture = picture
      self.mask = mask
      self.method = method
    }
  }
}
