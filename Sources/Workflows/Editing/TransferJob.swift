import Diffusion
import Failures
import Imaging
import Models
import Tensors
import Training

/// Pictures to be carried from one model, or class, to another.
public struct TransferRequest: Sendable {
  /// Pictures, and folders whose pictures are taken.
  public var pictures: [String]
  /// The model of the pictures and that of the results: files, run folders, diffusers folders, or names of bundled models.
  public var from: String, to: String
  /// For one picture a file, otherwise a folder.
  public var output: String
  /// The noise to which pictures are inverted: above 0, which would leave them as they are, to 1, which only leaves the latent.
  public var strength = 1.0
  /// Classes by name or number, which the pictures take in turn, of each model; empty for none.
  public var fromClasses: [String] = [], toClasses: [String] = []
  /// The scale of classifier-free guidance towards the classes of the results; 1 for none.
  public var guidance = 1.0
  public var settings = EditingSettings()
  /// A sheet of the first pictures and their results.
  public var comparison: String?

  public init(pictures: [String], from: String, to: String, output: String) {
    (self.pictures, self.from, self.to, self.output) = (pictures, from, to, output)
    settings.steps = 100
  }
}

/// Dual diffusion implicit bridges (Su, Song, Meng and Ermon, ICLR 2023), pulled: pictures become latents by one model's probability-flow ODE
/// and pictures again by another's. Between equal models and classes it is the identity, up to the error of the inversion.
public final class TransferJob: PictureJob {
  private let request: TransferRequest
  private let items: [PictureItem]
  private let walk: EditingWalk
  private var waiting: [EditingWalk.Result] = []
  private var sheet = BeforeAfterSheet()
  private var isComparisonWritten = false
  /// Number of files in the folders that are not pictures.
  public let leftOut: Int
  /// The files written so far.
  public private(set) var written: [String] = []

  /// - Throws: `SfumatoError` for a request that cannot be met, such as models of different images; errors from reading the models.
  public init(_ request: TransferRequest) throws {
    self.request = request
    let sources = try PictureSources(request.pictures)
    items = try PictureTargets(sources, output: request.output, names: ResultNames()).items
    leftOut = sources.leftOut
    let comparisons = [request.comparison].compactMap { $0 }
    try EditingFiles.check(pictures: comparisons, sources: items.map(\.source) + items.map(\.target))
    let from = try LatentCodec(request.from, count: items.count, classes: request.fromClasses, settings: request.settings)
    let to = try LatentCodec(
      request.to, loaded: request.to == request.from ? from.model : nil, count: items.count, classes: request.toClasses,
      guidance: request.guidance, settings: request.settings)
    try Self.check(from.model.recipe.data, to.model.recipe.data, request)
    let start = try from.upTo(strength: request.strength)
    walk = EditingWalk(
      items.map(\.source), from: start, to: request.strength < 1 ? to.starting(as: start.levels[0]) : to,
      batchSize: request.settings.batchSize)
  }

  private static func check(_ from: DataSpec, _ to: DataSpec, _ request: TransferRequest) throws {
    guard (from.height, from.width, from.channels) == (to.height, to.width, to.channels) else {
      func shape(_ data: DataSpec) -> String { "\(data.height) x \(data.width) x \(data.channels)" }
      throw SfumatoError(
        .usage,
        "\(request.from) makes images of \(shape(from)) and \(request.to) of \(shape(to)); expected models of one size and number of channels"
      )
    }
  }

  public var count: Int { items.count }
  /// Pictures that could not be read.
  public var failures: [FailedPicture] { walk.failures }
  public var writesNext: Bool { !waiting.isEmpty || walk.isDone }

  /// - Returns: the completed fraction; nil when all pictures are done.
  /// - Throws: `SfumatoError` where a network's output is not finite; errors from writing.
  public func next() throws -> Double? {
    if !waiting.isEmpty {
      try write(waiting.removeFirst())
    } else if !walk.isDone {
      try walk.next()
      waiting = walk.takeResults()
    } else if let comparison = request.comparison, !isComparisonWritten, !sheet.isEmpty {
      try sheet.draw((before: "picture", after: "result")).write(to: comparison)
      isComparisonWritten = true
    } else {
      return nil
    }
    return walk.fraction
  }

  /// The comparison's file, once it is written.
  public var comparison: String? { isComparisonWritten ? request.comparison : nil }

  private func write(_ result: EditingWalk.Result) throws {
    let target = items[result.index].target
    try PicturePath.makeFolder(of: target)
    try result.after.write(to: target)
    written.append(target)
    sheet.add(result.before, result.after)
  }
}
