import Diffusion
import Tensors
import Training

/// What to sample.
public struct SamplingRequest: Sendable {
  /// A file, the folder of a training, a diffusers folder, or the name of a model that comes along.
  public var model: String
  public var count = 16
  public var classes = Classes.all
  /// Vectors that the images follow, dealt out in turn, of a model that takes such in place of classes; nil for none.
  public var contexts: Contexts?
  public var seed: UInt64 = 0
  /// Whether each image has a stream of noise of its own, or all are drawn as the reference loops do.
  public var noiseOrder = NoiseOrder.perImage
  public var start = Start.noise
  /// The part of a picture that is kept, if any.
  public var inpainting: Inpainting?
  /// Steps that are left out at the noisy end.
  public var skippedSteps = 0
  /// How far the finished images are diffused again, to be denoised a second time: above 0, up to 1. Nil for once.
  public var secondPass: Double?
  /// Candidates for each image, of which the best one is kept.
  public var candidates = 1
  /// Who says which candidate is best.
  public var scorer = CandidateScorer.model
  /// A classifier of noisy images that draws them towards their classes: a file. The classes of a model that has none are its.
  public var classifier: String?
  /// How strongly it does: 1 as it is, 0 not at all.
  public var classifierScale = 1.0
  public var device = Device.cpu
  public var precision = Precision.float32
  /// Images that are computed together.
  public var batchSize = 50
  /// What differs from the model's recipe; nil for the model's own.
  public var sampler: (any Sampler)?
  public var steps: Int?
  public var spacing: Spacing?
  public var guidanceScale: Double?
  /// Any other difference, as a command line says it: `sampling.clip=false`, `sampler.eta=0.5`. Applied last.
  package var settings: [String] = []
  /// So many images, the first ones, are kept as they stand on the way too, for an animation or a sheet of the denoising.
  public var tracedCount = 0
  /// At which moments: whichever one of these names.
  public var tracedMoments = [FrameSchedule.all]
  /// What is kept of them.
  public var traced = TraceContent.image

  public init(model: String) { self.model = model }

  public enum Classes: Sendable, Equatable {
    /// Every class in turn; no class where the model has none.
    case all
    /// These, by name or number, in turn.
    case only([String])
    /// The null class: whatever the model likes.
    case none
  }

  /// Free vectors, such as the embeddings of texts.
  public enum Contexts: Sendable, Equatable {
    /// An array of floating-point numbers in an `.npy` or `.npz` file, `[K, D]`, or `[D]` for all images.
    case file(String)
    case vectors([[Float]])
  }

  public enum NoiseOrder: String, Sendable, CaseIterable {
    case perImage = "per-image"
    case batch
  }

  public enum CandidateScorer: String, Sendable, CaseIterable {
    /// The model itself, by how well it denoises them.
    case model
    /// The classifier, by how surely it sees the class asked for.
    case classifier
  }

  public enum TraceContent: String, Sendable, CaseIterable {
    /// The image as it stands, with the noise that is left.
    case image
    /// The model's estimate of the image without noise; at the start, where there is none, the image.
    case estimate
  }

  /// What sampling begins from.
  public enum Start: Sendable, Equatable {
    /// Noise that is drawn.
    case noise
    /// An array of standard normal numbers, `[N, C, H, W]`, in an `.npz` or `.npy` file.
    case array(file: String)
    /// A picture, diffused so far: above 0, which would leave it alone, to 1, which leaves hardly anything of it.
    case picture(file: String, strength: Double)
  }

  /// Filling in what a mask leaves open.
  public struct Inpainting: Sendable, Equatable {
    public enum Method: String, Sendable, CaseIterable {
      /// RePaint: goes back and comes down again, which brings both parts into harmony, in many more steps.
      case repaint
      /// The known part is put back after every step, and that is all.
      case mask
    }
    public var picture: String
    /// A picture that is white where `picture` is to be painted anew, and black where it is kept.
    public var mask: String
    public var method = Method.repaint

    public init(picture: String, mask: String, method: Method = .repaint) {
      self.picture = picture
      self.mask = mask
      self.method = method
    }
  }
}
