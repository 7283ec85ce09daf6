import Diffusion
import Models
import NN
import Networks
import Tensors
import Training

extension Restorer {
  /// Tiles that are evaluated together: small ones leave the cores idle.
  static func batch(side: Int) -> Int { max(1, (256 * 256) / (side * side)) }

  /// Pixels of a band of finished rows that is stepped at once.
  static let bandPixels = 1 << 18

  /// Wider pictures are gone through by columns.
  static let widthLimit = 32_768

  static func isTurned(width: Int, height: Int) -> Bool { width > max(widthLimit, height) }

  /// The peak memory of a pass over a batch of tiles with its inputs, by a pass on the device `meta`.
  static func activations(_ method: any RestorationMethod, _ precision: Precision, side: Int) throws -> Int {
    let account = PassingMemory.account(), recipe = method.recipe
    return try account.counting {
      let network = try recipe.makeNetwork(using: .shapes).prepared(for: precision.dtype)
      let (conditioning, imagesPerTile) = method.shapedPass(tiles: batch(side: side), side: side)
      let images = batch(side: side) * imagesPerTile
      let x = Tensor.empty([images, recipe.data.channels, side, side], on: .meta).channelsLast()
      let before = account.live
      account.restartPeaks()
      let output = withoutGradient { network(x, timesteps: .empty([images], on: .meta), conditioning: conditioning, mode: .inference) }
      try output.validated()
      return account.peak - before + PassingMemory(of: account, .onePass).holes
    }
  }

  /// Tiles of an evaluation of a result of that size, by the plain grid; a shifted one may have one more along each axis.
  func tileCount(width: Int, height: Int) -> Int {
    let geometry = geometry(side: tile)
    return [width, height].reduce(1) { $0 * TileAxis(geometry.extent(of: $1), geometry).tiles.count }
  }

  /// Bytes on disk of the canvases for a result of that size; none in one evaluation.
  public func scratchBytes(width: Int, height: Int) -> Int {
    CanvasPlan(self).pictures.reduce(0) { sum, picture in
      sum + (MappedPicture.bytes(width: width, height: height, channels: picture.channels, samples: .float32) ?? .max / 64)
    }
  }

  /// An estimate of the anonymous memory of a run with a result of that size: the program, the weights, a pass of the network, and bands as wide
  /// as the picture, or as high where it is very wide. Mapped files are not counted; the system takes their memory back when it needs it.
  public func memoryBytes(width: Int, height: Int) -> Int {
    let (width, height) = Self.isTurned(width: width, height: height) ? (height, width) : (width, height)
    let row = width * data.channels * DType.float32.size, geometry = geometry(side: tile)
    // The sums of a row of tiles, with those that are kept for the next.
    let sums = 2 * min(geometry.side, height) * row * planes.count
    // Finished rows that wait for those below: the picture and what it is compared with, and the copy that one of them is extended by.
    let radius = method.finish(strengths: strengthNames.map { _ in 0 }, color: settings.color).radius
    let waiting = 3 * min(geometry.side + 2 * radius, height) * row
    // The tensors of a sampler's step, and what becomes of a band as it is written.
    let band = 2 * MemoryEstimate.samplerTensors * min(Self.bandPixels, width * height) * data.channels * DType.float32.size
    let weights = (try? method.recipe.makeNetwork(using: .shapes).parameterCount) ?? 0
    return MemoryEstimate.program + 2 * weights * DType.float32.size + activations + sums + waiting + band
  }
}
