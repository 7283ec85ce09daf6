import Checkpoints
import Failures
import Foundation
import Imaging
import Interop

/// A picture with everything that was decided about it: strengths, sizes, format, identity.
struct RestorationTask {
  let item: PictureItem
  let source: RestorationSource
  let format: ImageFormat
  let passes: RestorationPasses
  /// The strengths, in the order of the model's.
  let strengths: [Double]
  private let names: [String]
  let record: RestorationRecord
  /// What is to be made up; nil where nothing is.
  let mask: PriorMask?
  /// Whether the result has no colours.
  let resultIsGrey: Bool

  /// Whether the result carries the profile of the file: not that for greys in colours.
  var keepsProfile: Bool { source.keepsProfile && source.isGrey == resultIsGrey }

  var identity: String { record.identity }

  /// - Throws: `ImagingError` for a picture that cannot be read, `SfumatoError` for a result that its format cannot hold.
  init(_ item: PictureItem, _ context: RestorationContext) throws {
    let request = context.request
    self.item = item
    source = try RestorationSource(item.source, profile: request.profile)
    format = try request.format(of: item.target)
    passes = RestorationPasses(
      width: source.width, height: source.height, scale: request.scale, factor: context.restorer.factor,
      reduction: context.restorer.method.strengthScales.reductionFactor)
    names = context.choice.names
    let (width, height) = (source.width, source.height)
    mask = try request.prior?.mask.map { try PriorMask($0, width: width, height: height, of: item.source) }
    resultIsGrey = source.isGrey && request.prior?.colorize != true
    strengths = context.choice.strengths(jpegQuality: source.jpegQuality)
    if let limit = format.sideLimit, max(passes.width, passes.height) > limit {
      throw ImagingError(
        file: item.source,
        .unencodable(
          "the result has \(passes.width) x \(passes.height) pixels and \(format.name) holds at most \(limit) on a side; choose PNG or TIFF"
        ))
    }
    record = try RestorationRecord(
      input: FileChecksum(ofFile: item.source), model: context.model, settings: context.settings(of: item, strengths, mask))
  }

  /// Whether all strengths but that of the reduction are 0.
  var isOnlyReduced: Bool { zip(names, strengths).allSatisfy { $0 == StrengthChoice.reduction || $1 == 0 } }

  /// The strengths of the first pass, by name.
  var namedStrengths: [(name: String, value: Double)] {
    zip(names, passes.strengths(strengths, names: names, pass: 0)).map { (name: $0, value: $1) }
  }
}

/// What all pictures of a restoration share.
struct RestorationContext {
  let request: RestorationRequest
  let restorer: Restorer
  let settings: Restorer.Settings
  let choice: StrengthChoice
  /// The checksum of the model's file.
  let model: FileChecksum

  /// - Parameter model: as it was named to the restorer.
  /// - Throws: `SfumatoError` for strengths that the model does not have and for a scale that it was not trained for.
  init(_ request: RestorationRequest, _ restorer: Restorer, _ settings: Restorer.Settings, model: String) throws {
    (self.request, self.restorer, self.settings) = (request, restorer, settings)
    choice = try StrengthChoice(
      request.corruption, names: restorer.strengthNames, scales: restorer.method.strengthScales, scale: request.scale)
    self.model = try FileChecksum(ofFile: Self.file(of: model, request))
    try Self.check(restorer, request.scale)
  }

  /// The file by which a model is known again: of a diffusers folder, that of its network.
  private static func file(of model: String, _ request: RestorationRequest) throws -> String {
    guard request.prior != nil else { return try ModelLocator.file(of: model, expecting: .superResolution) }
    let path = try ModelLocator.path(of: model)
    return DiffusersFolder.isOne(path) ? try DiffusersFolder(path).weights : path
  }

  private static func check(_ restorer: Restorer, _ scale: Double) throws {
    let channels = restorer.data.channels
    guard channels == 1 || channels == 3 else {
      throw SfumatoError(.data, "the model restores pictures of \(channels) channels; expected 1 or 3")
    }
    guard scale == 1 || restorer.factor > 1 || restorer.strengthNames.contains(StrengthChoice.reduction) else {
      throw SfumatoError(
        .usage,
        "the model was not trained to enlarge (it has no strength 'reduction'); expected the scale 1, not \(String(format: "%g", scale))")
    }
  }

  func settings(of item: PictureItem, _ strengths: [Double], _ mask: PriorMask?) -> RestorationRecord.Settings {
    RestorationRecord.Settings(
      scale: request.scale, strengths: Dictionary(uniqueKeysWithValues: zip(choice.names, strengths)), evaluations: restorer.evaluations,
      detail: settings.detail, seed: settings.seed.value, tile: settings.tile, overlap: restorer.overlap, precision: settings.precision,
      color: settings.color, profile: request.profile.rawValue, ending: (item.target as NSString).pathExtension.lowercased(),
      quality: request.quality, prior: request.prior.map { RestorationRecord.Prior($0, mask: mask?.checksum) })
  }
}
