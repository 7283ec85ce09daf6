import Failures
import Imaging
import Tensors

/// One picture on its way, pulled tile by tile. Picture and result stay on the host; only a tile at a time is on the device.
///
/// Grey stays grey. Opacity is resampled (Lanczos), so that what was opaque stays so: the network, which sharpens colours, knows
/// nothing of it.
public final class UpscalingRun {
  private let upscaler: Upscaler
  /// In the network's channels, mirrored at the right and lower edge up to the next size that the network takes.
  private let picture: Image
  private let whole: PictureTile
  /// What of `whole` the image is.
  private let size: PictureTile
  private let alpha: Image?
  private var result: Image
  /// From the last to the next.
  private var pending: [PictureTile]
  private var doneArea = 0

  init(_ image: Image, by upscaler: Upscaler) throws {
    let scale = upscaler.scale
    guard image.width * scale <= Image.pixelLimit / (image.height * scale) else {
      throw SfumatoError(
        .data,
        "\(image.width) x \(image.height) pixels become \(image.width * scale) x \(image.height * scale); at most \(Image.pixelLimit) "
          + "in all are possible")
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

  /// Makes one tile, or, when the device has no memory for it, smaller tiles of what is left.
  /// - Returns: the share of the picture that is done, nil when all is.
  /// - Throws: `TorchFault`, when even the smallest tile does not fit.
  public func next() throws -> Double? {
    guard let tile = pending.last else { return nil }
    do {
      try make(tile)
      pending.removeLast()
      doneArea += tile.area
    } catch let fault as TorchFault where fault.kind == .outOfMemory {
      try upscaler.shrink(after: tile, fault)
      pending = pending.reversed().flatMap { $0.split(side: upscaler.tile) }.reversed()
    }
    return Double(doneArea) / Double(whole.area)
  }

  /// Makes all tiles that are left.
  public func finish() throws -> Image {
    while try next() != nil {}
    guard let alpha else { return result }
    return result.withAlpha(try alpha.resized(width: result.width, height: result.height))
  }

  private func make(_ tile: PictureTile) throws {
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
  /// Sides rounded up to multiples of `step`; the new pixels mirror those before the edge, as far as there are any.
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
