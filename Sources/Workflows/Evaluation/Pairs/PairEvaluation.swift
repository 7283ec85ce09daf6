import Failures
import Imaging
import Metrics
import Tensors

/// Judges pictures against their originals, pulled: a pair at a time. Pairs that cannot be compared are noted, and the others are judged.
public final class PairEvaluation {
  public struct Request: Sendable {
    /// A folder of pictures, or one picture, and the originals of the same names.
    public var pictures: String, originals: String
    public var channel = PairChannel.y
    /// Pixels that are left out at each side.
    public var crop = 0

    public init(pictures: String, originals: String) {
      self.pictures = pictures
      self.originals = originals
    }
  }

  private let request: Request
  private let pairs: PicturePairs
  private var position = 0
  private var rows: [PairReport.Row] = []
  public private(set) var failures: [FailedPicture] = []

  /// - Throws: `SfumatoError` for a request that cannot be met, and where no names match.
  public init(_ request: Request) throws {
    guard (0...65_536).contains(request.crop) else {
      throw SfumatoError(.usage, "the pixels left out at each side must be 0 to 65536, not \(request.crop)")
    }
    self.request = request
    pairs = try PicturePairs(request.pictures, originals: request.originals)
  }

  public var count: Int { pairs.pairs.count }

  /// - Returns: the completed fraction; nil when all pairs are done.
  /// - Throws: `TorchFault`; `ImagingError` where no picture at all can be read.
  public func next() throws -> Double? {
    guard position < count else { return nil }
    let pair = pairs.pairs[position]
    position += 1
    do { rows.append(try judged(pair)) } catch {
      guard let failure = FailedPicture(pair.picture, error) else { throw error }
      failures.append(failure)
    }
    return Double(position) / Double(count)
  }

  /// - Throws: `SfumatoError` where no pair could be compared.
  public func report() throws -> PairReport {
    guard !rows.isEmpty else { throw SfumatoError(.data, "no pair could be compared; the first: \(failures.first?.problem ?? "")") }
    return PairReport(
      pictures: request.pictures, originals: request.originals, channel: request.channel, crop: request.crop, rows: rows,
      failures: failures, withoutOriginal: pairs.withoutOriginal, withoutPicture: pairs.withoutPicture)
  }

  private func judged(_ pair: PicturePairs.Pair) throws -> PairReport.Row {
    let picture = try Image(file: pair.picture), original = try Image(file: pair.original)
    guard (picture.width, picture.height) == (original.width, original.height) else {
      throw SfumatoError(
        .data,
        "\(pair.picture): has \(picture.width) x \(picture.height) pixels, and its original \(pair.original) has "
          + "\(original.width) x \(original.height); expected the same size")
    }
    guard min(picture.width, picture.height) > 2 * request.crop else {
      throw SfumatoError(
        .data,
        "\(pair.picture): nothing is left of \(picture.width) x \(picture.height) pixels without \(request.crop) at each side; "
          + "leave out fewer")
    }
    return try likeness(pair.name, planes(of: [picture, original]))
  }

  /// The planes that are compared, one after the other: memory is that of one.
  private func planes(of images: [Image]) -> [() -> (Tensor, Tensor)] {
    let width = images[0].width - 2 * request.crop, height = images[0].height - 2 * request.crop
    let isGrey = images.allSatisfy { $0.channels < 3 } && request.channel == .rgb
    let cut = images.map {
      $0.withChannels(isGrey ? 1 : 3).cropped(row: request.crop, column: request.crop, width: width, height: height)
    }
    func plane(_ image: Image, _ index: Int) -> Tensor {
      let samples = Tensor(image.bytes, [height, width, image.channels]).permute(2, 0, 1)
      return request.channel == .y ? PictureLikeness.luma(samples) : samples.narrow(0, index, 1).to(.float64)
    }
    let count = request.channel == .y || isGrey ? 1 : 3
    return (0..<count).map { index in { (plane(cut[0], index), plane(cut[1], index)) } }
  }

  private func likeness(_ name: String, _ planes: [() -> (Tensor, Tensor)]) throws -> PairReport.Row {
    var errors: [Double] = [], similarities: [Double] = [], multiscale: [Double] = []
    for plane in planes {
      let (a, b) = plane()
      errors.append(try PictureLikeness.meanSquaredError(a, b))
      if let value = try PictureLikeness.structuralSimilarity(a, b) { similarities.append(value) }
      if let value = try PictureLikeness.multiscaleSimilarity(a, b) { multiscale.append(value) }
    }
    let decibels = PictureLikeness.peakSignalToNoise(meanSquaredError: PairReport.mean(errors) ?? 0)
    return PairReport.Row(
      name: name, psnr: decibels.isFinite ? decibels : nil, ssim: PairReport.mean(similarities), msSsim: PairReport.mean(multiscale))
  }
}
