import Diffusion
import Failures
import Imaging
import Tensors
import Training

/// Images between two, and what to write of them.
public struct InterpolationRequest: Sendable {
  /// An end of the interpolation.
  public enum End: Sendable, Equatable {
    /// A picture, which is inverted.
    case picture(String)
    /// The noise of the first image that the model samples with this seed.
    case seed(UInt64)

    /// `seed:7`, or the name of a picture.
    public init(_ text: String) throws {
      guard text.hasPrefix("seed:") else {
        self = .picture(text)
        return
      }
      guard let seed = UInt64(text.dropFirst(5)) else {
        throw SfumatoError(.usage, "\(text): expected a seed such as seed:7, 0 or more, or the name of a picture")
      }
      self = .seed(seed)
    }
  }

  /// A model file, a run folder, a diffusers folder, or the name of a bundled model.
  public var model: String
  public var from: End, to: End
  /// Images, both ends among them, 2 or more.
  public var frames = 9
  /// The class of the images, or of both ends, between which the model's estimates are mixed; empty for none.
  public var classes: [String] = []
  /// The scale of classifier-free guidance, 1 for none, with which pictures come back as they are.
  public var guidance = 1.0
  public var settings = EditingSettings()
  /// The images in a row, ten at most, and in further rows: PNG, JPEG, WebP or GIF by its name.
  public var sheet: String
  /// The images one after the other, there and back, GIF or WebP.
  public var animation: String?
  /// Milliseconds of a frame, and of each end.
  public var delay = 80, hold = 800

  public init(model: String, from: End, to: End, sheet: String) {
    (self.model, self.from, self.to, self.sheet) = (model, from, to, sheet)
  }
}

/// Interpolates between two images, pulled: latents by DDIM's inversion or from seeds, spherical interpolation between them (Song, Meng and
/// Ermon, ICLR 2021, section 5.3), DDIM. Between two classes the conditional estimates are mixed (`InterpolatedDenoiser`).
public final class InterpolationJob: SteppedJob {
  private let request: InterpolationRequest
  private let codecs: [LatentCodec]
  private var inversions: [InversionRun] = []
  private var starts: Tensor?
  private var run: SamplingRun?
  private var steps = 0
  /// The finished images.
  public private(set) var images: [Image] = []
  private var isWritten = false

  static let mostFrames = 1000

  /// - Throws: `SfumatoError` for a request that cannot be met; errors from reading model and pictures.
  public init(_ request: InterpolationRequest) throws {
    self.request = request
    try Self.check(request)
    // Each end with its class; a single one is that of both.
    let first = try LatentCodec(
      request.model, count: request.frames, classes: Array(request.classes.prefix(1)), guidance: request.guidance,
      settings: request.settings)
    codecs =
      request.classes.count < 2
      ? [first, first]
      : [
        first,
        try LatentCodec(
          request.model, loaded: first.model, count: request.frames, classes: [request.classes[1]], guidance: request.guidance,
          settings: request.settings),
      ]
    inversions = try zip([request.from, request.to], codecs).compactMap { end, codec in
      guard case .picture(let file) = end else { return nil }
      return codec.encoding(try codec.fitted(file), 0..<1)
    }
  }

  private static func check(_ request: InterpolationRequest) throws {
    guard (2...mostFrames).contains(request.frames) else {
      throw SfumatoError(.usage, "the frames must be 2 to \(mostFrames), not \(request.frames)")
    }
    guard request.classes.count <= 2 else {
      throw SfumatoError(.usage, "\(request.classes.count) classes were named; expected one, or one for each end")
    }
    for time in [request.delay, request.hold] where !(1...600_000).contains(time) {
      throw SfumatoError(.usage, "the time of a frame must be 1 to 600000 ms, not \(time)")
    }
    let pictures = [request.from, request.to].compactMap { if case .picture(let file) = $0 { file } else { nil } }
    for file in pictures {
      switch PicturePath.isFolder(file) {
      case nil: throw SfumatoError(.missing, "there is no picture '\(file)'; expected one, or a seed such as seed:7")
      case true?: throw SfumatoError(.usage, "\(file) is a folder; expected a picture, or a seed such as seed:7")
      case false?: break
      }
    }
    try EditingFiles.check(pictures: [request.sheet] + [request.animation].compactMap { $0 }, sources: pictures)
    if let animation = request.animation, try !ImageFormat(forFile: animation).holdsAnimation {
      throw SfumatoError(.usage, "\(animation): this format holds no animation; expected .gif or .webp")
    }
  }

  public var count: Int { request.frames }
  /// The files written.
  public var files: [String] { isWritten ? [request.sheet] + [request.animation].compactMap { $0 } : [] }
  /// Whether the next step writes the results.
  public var writesNext: Bool { images.count == request.frames && !isWritten }

  /// - Returns: the completed fraction; nil when everything is written.
  /// - Throws: `SfumatoError` where the network's output is not finite; errors from writing.
  public func next() throws -> Double? {
    steps += 1
    if starts == nil {
      for inversion in inversions where try inversion.next() != nil { return fraction }
      starts = try latents()
    } else if images.count < request.frames {
      let range = images.count..<min(images.count + request.settings.batchSize, request.frames)
      let run = try self.run ?? decoding(range)
      self.run = try run.next() == nil ? nil : run
      if self.run == nil { images += try LatentCodec.checked(run.x).images() }
    } else if !isWritten {
      try write()
      isWritten = true
    } else {
      return nil
    }
    return fraction
  }

  private var fraction: Double {
    let batches = (request.frames + request.settings.batchSize - 1) / request.settings.batchSize
    let all = (inversions.count + batches) * codecs[0].levels.count + 2
    return isWritten ? 1 : min(0.999, Double(steps) / Double(all))
  }

  /// The starts of all frames, `[frames, C, H, W]`.
  private func latents() throws -> Tensor {
    var inverted = inversions
    let ends = try zip([request.from, request.to], codecs).map { end, codec in
      switch end {
      case .picture: return try LatentCodec.checked(inverted.removeFirst().x)
      case .seed(let seed):
        let data = codec.model.recipe.data
        var noise = PerImageNoise(seed: Seed(seed), images: [0])
        return noise.normal([1, data.channels, data.height, data.width]).to(request.settings.device)
      }
    }
    return try Tensor.cat(interpolations(from: ends[0], to: ends[1], count: request.frames), dim: 0).validated()
  }

  private func decoding(_ range: Range<Int>) throws -> SamplingRun {
    let weights = range.map { Double($0) / Double(request.frames - 1) }
    let mixed =
      request.classes.count < 2 ? nil : InterpolatedDenoiser(codecs[0].denoiser(range), codecs[1].denoiser(range), weights: weights)
    guard let starts else { throw SfumatoError(.internal, "frames were decoded before their starts were there") }
    return codecs[0].decoding(starts.slice(0, range), range, by: mixed.map { AnyDenoiser($0) })
  }

  private func write() throws {
    var sheet = PictureSheet(images, columns: min(images.count, BeforeAfterSheet.columns))
    let scale = BeforeAfterSheet.scale(height: images[0].height)
    sheet.scale = scale
    try sheet.draw().write(to: request.sheet)
    guard let animation = request.animation else { return }
    let frames = images.map { $0.magnified(by: scale) }
    let loop = frames + frames.dropFirst().dropLast().reversed()
    try Animation(frames: loop, delays: loop.indices.map { $0 == 0 || $0 == frames.count - 1 ? request.hold : request.delay })
      .write(to: animation)
  }
}
