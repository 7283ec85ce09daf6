import Failures
import Imaging
import Tensors

/// Upscales one picture tile by tile. Picture and result stay on the host; the device holds one tile at a time.
///
/// Grey stays grey. Alpha is resampled (Lanczos) without the network, so that opaque pixels stay opaque.
public final class UpscalingRun {
  private let upscaler: Upscaler
  /// In the network's channels, mirrored at the right and bottom edge up to a size the network accepts.
  private let picture: Image
  private let whole: PictureTile
  /// The part of `whole` that the image covers.
  private let size: PictureTile
  private let alpha: Image?
  private var result: Image
  /// In reverse order: the next tile is last.
  private var pending: [PictureTile]
  private var doneArea = 0

  init(_ image: Image, by upscaler: Upscaler) throws {
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
    result = Image(width: image.width * scale, height: image.height * scale, color: [UInt8](repeating: 0, count: colors))
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
  public func finish() throws -> Image {
    while try next() != nil {}
    guard let alpha else { return result }
    return result.withAlpha(try alpha.resized(width: result.width, height: result.height))
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

extension Image {
  /// Pads both sides to multiples of `step`; the new pixels mirror those before the edge, as far as there are any.
  func mirrored(toMultiplesOf step: Int) -> Image {
    let height = (height + step - 1) / step * step, width = (width + step - 1) / step * step
    if height == self.height && width == self.width { return self }
    func mirrored(_ index: Int, _ count: Int) -> Int { index < count ? index : max(2 * (count - 1) - index, 0) }
    var result = padded(bottom: height - self.height, right: width - self.width)
    for y in 0..<height {
      for x in (y < self.height ? self.width : 0)..<width {
        for c in 0..<channels { result[y, x, c] = self[mirrored(y, self.height), mirrored(x, self.width), c] }
      }
    }
    return result
  }
}
