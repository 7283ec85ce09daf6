import Failures
import Foundation
import Tensors

/// How far a result, reduced again, is the picture that it was enlarged from: a restoration may add what the reduction removed, and nothing
/// else.
public struct InputConsistency {
  private let result: MappedPicture, input: MappedPicture

  /// - Parameters:
  ///   - result: of the input's channels.
  ///   - input: the picture that was enlarged.
  /// - Throws: `SfumatoError` for pictures of other channels, and for a result that is smaller than the input.
  public init(_ result: MappedPicture, input: MappedPicture) throws {
    guard result.channels == input.channels, result.width >= input.width, result.height >= input.height else {
      throw SfumatoError(
        .data,
        "a result of \(result.width) x \(result.height) x \(result.channels) and an input of \(input.width) x \(input.height) x "
          + "\(input.channels); expected as many channels, and no side smaller")
    }
    (self.result, self.input) = (result, input)
  }

  /// The root mean square difference of the reduced result from the input, in levels of 255.
  public func unexplained() throws -> Double {
    var sum = 0.0
    for band in bands(of: input) { sum += try difference(band).to(.float64).square().sum().item() }
    return 255 * (sum / Double(input.width * input.height * input.channels)).squareRoot()
  }

  /// Adds to the result what it lacks to reduce to the input, enlarged (Irani and Peleg, "Improving Resolution by Image Registration", 1991).
  /// Only where the input is a reduction and nothing else: noise and artefacts of the input would come back.
  ///
  /// - Parameters:
  ///   - rounds: each leaves about a fifth of the difference.
  ///   - scratch: an existing folder for a picture of the input's size.
  public func project(rounds: Int = 2, scratch: String) throws {
    let path = "\(scratch)/unexplained.canvas"
    let small = try MappedPicture(
      at: path, width: input.width, height: input.height, channels: input.channels, samples: .float32)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let enlarged = MappedResampling(small, width: result.width, height: result.height)
    for _ in 0..<rounds {
      for band in bands(of: input) { try small.write(difference(band), row: band.lowerBound) }
      for band in bands(of: result) {
        try result.write(result.read(rows: band, columns: 0..<result.width) + enlarged.read(rows: band), row: band.lowerBound)
        result.release(rows: band)
      }
    }
  }

  /// What the reduced result lacks, `[1, C, rows, width]`.
  private func difference(_ band: Range<Int>) -> Tensor {
    let reduced = MappedResampling(result, width: input.width, height: input.height)
    return input.read(rows: band, columns: 0..<input.width) - reduced.read(rows: band)
  }

  /// Bands of equal numbers of the result's pixels.
  private func bands(of picture: MappedPicture) -> [Range<Int>] { picture.bands(of: max(1, Restorer.bandPixels / result.width)) }
}
