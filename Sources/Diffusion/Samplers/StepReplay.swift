import Tensors

/// Takes single steps of a sampler on any part of a picture, from what was kept of the steps and evaluations before: for pictures that are
/// larger than memory, whose denoiser is evaluated on the whole before any part takes its step.
///
/// A sampler's step treats each pixel separately but for the denoiser. So a step of n evaluations is replayed n times on each part:
/// with the answers of the first k evaluations it says what the denoiser is to be asked next, with all of them it ends.
///
/// What is asked depends on the levels alone; a run on one pixel finds it for every step beforehand.
public final class StepReplay {
  /// What a replay comes to.
  public enum Outcome {
    /// The denoiser is to be evaluated on these images, `[N, C, H, W]`.
    case asks(Tensor)
    /// The step ended, with the sampler's tensors for the next one.
    case ended(Transition, memory: [Tensor])
  }

  /// What a step needs.
  public struct Needs: Sendable, Equatable {
    /// The levels at which the denoiser is evaluated, in order.
    public var levels: [NoiseLevel] = []
    /// Whether the first evaluation is of the step's images themselves; false where noise is added to them before.
    public var startsAtImages = true
    /// Tensors that the sampler remembers from the steps before.
    public var remembered = 0
  }

  /// The levels that are visited, descending; one step between neighbours.
  public let levels: [NoiseLevel]
  /// What each step needs.
  public let needs: [Needs]
  private let step:
    (_ index: Int, _ x: Tensor, _ memory: [Tensor], _ denoiser: RecordedDenoiser, _ noise: StepNoise) -> (Transition, [Tensor])
  private let scale: NoiseLevelRange, window: NoiseWindow

  /// - Parameters:
  ///   - levels: descending in noise.
  ///   - scale: the levels at which the denoiser can be evaluated.
  ///   - window: where noise is added.
  public init<S: Sampler>(_ sampler: S, levels: [NoiseLevel], scale: NoiseLevelRange, window: NoiseWindow = .always) {
    (self.levels, self.scale, self.window) = (levels, scale, window)
    var memory = sampler.makeMemory(for: levels), memories: [S.Memory] = [], needs: [Needs] = []
    var x = Tensor.full(0.5, [1, 1, 1, 1])
    for index in levels.indices.dropLast() {
      memories.append(memory)
      let probe = RecordedDenoiser([], range: scale)
      let noise = Self.isAdmitted(index, levels, window) ? StepNoise { .ones(like: $0) } : .none
      let ended = sampler.step(x, from: levels[index], to: levels[index + 1], memory: &memory, denoiser: probe, noise: noise)
      let isPlain = probe.levels.first == levels[index] && probe.asked.flatMap { try? $0.item() } == (try? x.item())
      needs.append(Needs(levels: probe.levels, startsAtImages: isPlain, remembered: Self.tensors(of: memories[index]).count))
      x = ended.x
    }
    self.needs = needs
    step = { [memories] index, x, tensors, denoiser, noise in
      var memory = Self.replacing(tensors, in: memories[index])
      let ended = sampler.step(x, from: levels[index], to: levels[index + 1], memory: &memory, denoiser: denoiser, noise: noise)
      return (ended, Self.tensors(of: memory))
    }
  }

  /// Replays a step on a part of the images.
  ///
  /// - Parameters:
  ///   - index: the number of the step, from 0.
  ///   - x: the part at the step's first level, `[N, C, H, W]` float32.
  ///   - memory: the sampler's tensors of that part, `needs[index].remembered` of them.
  ///   - answers: of the evaluations so far, for that part, stacked as `planes` says.
  ///   - noise: the part's noise for this step, drawn from its beginning in every replay.
  /// - Faults: travel in the result.
  public func step(
    _ index: Int, _ x: Tensor, memory: [Tensor], answers: [Tensor], planes: PredictionPlanes, noise: some NoiseSource
  ) -> Outcome {
    let denoiser = RecordedDenoiser(answers.map { answer in { planes.prediction(answer, of: $0, at: $1) } }, range: scale)
    let drawn = Self.isAdmitted(index, levels, window) ? StepNoise(noise) : .none
    let (ended, tensors) = withoutGradient { step(index, x, memory, denoiser, drawn) }
    return denoiser.asked.map { .asks($0) } ?? .ended(ended, memory: tensors)
  }

  /// Whether a step may add noise, as `SamplingRun` decides it.
  private static func isAdmitted(_ index: Int, _ levels: [NoiseLevel], _ window: NoiseWindow) -> Bool {
    window.admits(from: levels[index], remaining: levels.count - 2 - index)
  }

  private static func tensors<Memory>(of memory: Memory) -> [Tensor] { (memory as? any SamplerMemory)?.tensors ?? [] }

  private static func replacing<Memory>(_ tensors: [Tensor], in memory: Memory) -> Memory {
    (memory as? any SamplerMemory)?.replacing(tensors) as? Memory ?? memory
  }
}

/// A denoiser with recorded answers: what it is asked beyond them it notes, and gives what has the right shape.
private final class RecordedDenoiser: Denoiser {
  typealias Answer = (_ x: Tensor, _ level: NoiseLevel) -> Prediction

  let noiseLevelRange: NoiseLevelRange
  private let answers: [Answer]
  /// The levels of all evaluations.
  private(set) var levels: [NoiseLevel] = []
  /// The images of the first evaluation beyond the answers.
  private(set) var asked: Tensor?

  init(_ answers: [Answer], range: NoiseLevelRange) {
    self.answers = answers
    noiseLevelRange = range
  }

  /// - Parameter levels: one, as samplers give it.
  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    defer { self.levels += levels }
    if self.levels.count < answers.count { return answers[self.levels.count](x, levels[0]) }
    if asked == nil { asked = x }
    return Prediction(x0: x, epsilon: x)
  }
}
