import Failures
import Imaging
import Tensors

/// Upscales one picture tile by tile. Picture and result stay on the host; the device holds one tile at a time.
///
/// Grey stays grey, and 8 or 16 bits a sample stay as many. Alpha is resampled (Lanczos) without the network, so that opaque pixels stay
/// opaque.
public final class UpscalingRun<Picture: UpscalingPicture> {
  private let upscaler: Upscaler
  /// The picture in the network's channels, mirrored at the right and bottom edge up to a size that the network accepts.
  private let picture: Picture
  private let whole: PictureTile
  /// The part of `whole` that the image covers.
  private let size: PictureTile
  private let alpha: Picture?
  private var result: Picture
  /// The tiles left, in reverse order: the next tile is last.
  private var pending: [PictureTile]
  private var doneArea = 0

  init(_ image: Picture, by upscaler: Upscaler) throws {
    let scale = upscaler.scale
    guard image.width * scale <= Image.pixelLimit / (image.height * scale) else {
      throw SfumatoError(
        .data,
        "\(image.width) x \(image.height) pixels become \(image.width * scale) x \(image.height * scale); expected at most "
          + "\(Image.pixelLimit) pixels in all")
    }
    self.upscaler = upscaler
    let colors = image.channels < 3 ? 1 : 3
    picture = image.withChannels(max(colors, upscaler.recipe.numInCh)).mirrored(toMultiplesOf: upscaler.recipe.sizeStep)
    whole = PictureTile(rows: 0..<picture.height, columns: 0..<picture.width)
    size = PictureTile(rows: 0..<image.height, columns: 0..<image.width)
    alpha = image.alpha
    result = Picture(width: image.width * scale, height: image.height * scale, channels: colors)
    pending = whole.split(side: upscaler.tile).reversed()
  }

  /// Processes one tile; when the device runs out of memory, splits the remaining tiles instead.
  /// - Returns: the completed fraction of the picture, nil when it is done.
  /// - Throws: `TorchFault` when even the smallest tile does not fit.
  public func next() throws -> Double? {
    guard let tile = pending.last else { return nil }
    do {
      try process(tile)
      pending.removeLast()
      doneArea += tile.area
    } catch let fault as TorchFault where fault.kind == .outOfMemory {
      try upscaler.shrink(after: tile, fault)
      pending = pending.reversed().flatMap { $0.split(side: upscaler.tile) }.reversed()
    }
    return Double(doneArea) / Double(whole.area)
  }

  /// Processes all remaining tiles.
  public func finish() throws -> Picture {
    while try next() != nil {}
    guard let alpha else { return result }
    return result.withAlpha(try alpha.resizedAlpha(width: result.width, height: result.height))
  }

  private func process(_ tile: PictureTile) throws {
    let seen = tile.widened(by: upscaler.margin, within: whole)
    let part = picture.cropped(
      row: seen.rows.lowerBound, column: seen.columns.lowerBound, width: seen.columns.count, height: seen.rows.count)
    let wanted = PictureTile(rows: tile.rows.clamped(to: size.rows), columns: tile.columns.clamped(to: size.columns))
    let kept = PictureTile(
      rows: wanted.rows.shifted(by: -seen.rows.lowerBound), columns: wanted.columns.shifted(by: -seen.columns.lowerBound))
    let enlarged = try upscaler.enlarge(part, keeping: kept).withChannels(result.channels)
    result.paste(enlarged, row: wanted.rows.lowerBound * upscaler.scale, column: wanted.columns.lowerBound * upscaler.scale)
  }
}

extension Range<Int> {
  fileprivate func shifted(by offset: Int) -> Range<Int> { (lowerBound + offset)..<(upperBound + offset) }
}
