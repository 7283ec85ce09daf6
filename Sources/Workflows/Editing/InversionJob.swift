import Checkpoints
import Failures
import Imaging
import Metrics
import Tensors
import Training

/// Pictures to be inverted: which, by which model, and what to write.
public struct InversionRequest: Sendable {
  /// A model file, a run folder, a diffusers folder, or the name of a bundled model.
  public var model: String
  /// Pictures, and folders whose pictures are taken.
  public var pictures: [String]
  /// Classes by name or number, which the pictures take in turn; empty for none.
  public var classes: [String] = []
  public var settings = EditingSettings()
  /// The file of the latents: see `InversionJob`.
  public var latents: String
  /// A sheet of the first pictures and their reconstructions: PNG, JPEG, WebP or GIF by its name.
  public var reconstruction: String?

  public init(model: String, pictures: [String], latents: String) {
    (self.model, self.pictures, self.latents) = (model, pictures, latents)
  }
}

/// DDIM's inversion of pictures, pulled: the noise that each picture is a sample of, and how well it comes back from there.
///
/// The latents are an `.npz` with `arr_0`, float32 `[N, C, H, W]`, in the order of the pictures: a start of sampling
/// (`SamplingRequest.Start.array`).
public final class InversionJob: SteppedJob {
  private let request: InversionRequest
  private let codec: LatentCodec
  private let files: [String]
  /// Number of files in the folders that are not pictures.
  public let leftOut: Int
  private let walk: EditingWalk
  private var rows: [InversionReport.Row] = []
  private var latents: [Tensor] = []
  private var sheet = BeforeAfterSheet()
  private var isWritten = false

  /// - Throws: `SfumatoError` for a request that cannot be met; errors from reading the model.
  public init(_ request: InversionRequest) throws {
    self.request = request
    let sources = try PictureSources(request.pictures)
    (files, leftOut) = (sources.pictures.map(\.path), sources.leftOut)
    try EditingFiles.check(pictures: [request.reconstruction].compactMap { $0 }, arrays: [request.latents], sources: files)
    codec = try LatentCodec(request.model, count: files.count, classes: request.classes, settings: request.settings)
    walk = EditingWalk(files, from: codec, to: codec, batchSize: request.settings.batchSize)
  }

  /// Pictures that could not be read.
  public var failures: [FailedPicture] { walk.failures }
  public var count: Int { files.count }
  /// Whether the next step writes the results.
  public var writesNext: Bool { walk.isDone && !isWritten }

  /// - Returns: the completed fraction; nil when everything is written.
  /// - Throws: `SfumatoError` where no picture could be read, or the network's output is not finite; errors from writing.
  public func next() throws -> Double? {
    if walk.isDone {
      guard !isWritten else { return nil }
      try write()
      isWritten = true
      return 1
    }
    try walk.next()
    for result in walk.takeResults() {
      rows.append(try row(result))
      latents.append(result.latent.to(.cpu))
      sheet.add(result.before, result.after)
    }
    return walk.fraction
  }

  private func row(_ result: EditingWalk.Result) throws -> InversionReport.Row {
    let shape = [result.before.bytes.count]
    let before = Tensor(result.before.bytes, shape), after = Tensor(result.after.bytes, shape)
    let decibels = try PictureLikeness.peakSignalToNoise(before, after)
    let largest = zip(result.before.bytes, result.after.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
    let latent = result.latent.to(.float64), mean = try latent.mean().item()
    return InversionReport.Row(
      picture: files[result.index], class: codec.plan.labels[result.index].map { codec.plan.className($0) },
      psnr: decibels.isFinite ? decibels : nil, largestError: largest, latentMean: mean,
      latentDeviation: try (latent - mean).square().mean().sqrt().item())
  }

  private func write() throws {
    guard !rows.isEmpty else {
      throw SfumatoError(.data, "none of the pictures could be read; the first: \(failures.first?.problem ?? "")")
    }
    let all = try Tensor.cat(latents, dim: 0).to(.float32).contiguous().validated()
    try NPY.write([("arr_0", NPY.encode(all.bytes(), shape: all.shape, dtype: .float32))], to: request.latents)
    if let file = request.reconstruction { try sheet.draw((before: "picture", after: "back")).write(to: file) }
  }

  /// The errors, once `next` has returned nil.
  public func report() -> InversionReport {
    InversionReport(
      model: request.model, files: [request.latents] + [request.reconstruction].compactMap { $0 }, steps: request.settings.steps,
      corrections: request.settings.corrections, rows: rows, failures: failures, leftOut: leftOut)
  }
}

/// How well pictures come back from their latents.
public struct InversionReport: Encodable, Sendable, Equatable {
  public struct Row: Encodable, Sendable, Equatable {
    public let picture: String
    /// The name of the class it was inverted as; nil without.
    public let `class`: String?
    /// Of the picture at the model's size and its reconstruction, in decibels over all samples; nil where they are equal.
    public let psnr: Double?
    /// The largest difference of a sample, 0 to 255.
    public let largestError: Int
    /// Mean and standard deviation of the latent's numbers: about 0 and 1 for a picture of the model's kind.
    public let latentMean: Double, latentDeviation: Double
  }

  public let model: String
  /// The files written.
  public let files: [String]
  public let steps: Int, corrections: Int
  public let rows: [Row]
  public let failures: [FailedPicture]
  /// Number of files in the folders that are not pictures.
  public let leftOut: Int

  /// The mean PSNR of the pictures that do not equal theirs; nil where all do.
  public var meanPSNR: Double? {
    let found = rows.compactMap(\.psnr)
    return found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
  }
}
