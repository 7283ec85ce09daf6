import Diffusion
import Failures
import Imaging
import Tensors
import Training

/// Pictures on their way to the latents of one codec and back by another, a batch at a time, pulled step by step.
final class EditingWalk {
  /// A picture that is back.
  struct Result {
    /// Its place among the files.
    let index: Int
    /// The picture as the model got it, and as it came back.
    let before: Image, after: Image
    /// `[1, C, H, W]`.
    let latent: Tensor
  }

  private let files: [String]
  private let from: LatentCodec, to: LatentCodec
  private let batchSize: Int
  private var position = 0
  private var batch: Batch?
  private var results: [Result] = []
  private(set) var failures: [FailedPicture] = []

  private struct Batch {
    let range: Range<Int>
    /// The files' places that could be read.
    let readable: [Int]
    let images: Tensor
    let encoding: InversionRun
    var decoding: SamplingRun?
    var latents: Tensor?
    var steps = 0
  }

  init(_ files: [String], from: LatentCodec, to: LatentCodec, batchSize: Int) {
    (self.files, self.from, self.to, self.batchSize) = (files, from, to, batchSize)
  }

  var isDone: Bool { position == files.count }

  /// The pictures that came back since the last call.
  func takeResults() -> [Result] {
    defer { results = [] }
    return results
  }

  /// The completed fraction.
  var fraction: Double {
    let steps = Double(from.levels.count + to.levels.count)
    let share = batch.map { Double($0.range.count) * min(1, Double($0.steps) / steps) } ?? 0
    return (Double(position) + share) / Double(files.count)
  }

  /// Takes a step of the current batch, or reads the next one. Pictures that cannot be read are noted and left out.
  /// - Throws: `SfumatoError` for a network whose output is not finite; `TorchFault`.
  func next() throws {
    guard var batch = try batch ?? nextBatch() else { return }
    defer { self.batch = batch.range.lowerBound < position ? nil : batch }
    batch.steps += 1
    if let decoding = batch.decoding {
      if try decoding.next() == nil { try finish(batch, decoding.x) }
    } else if try batch.encoding.next() == nil {
      let latents = try LatentCodec.checked(batch.encoding.x)
      batch.latents = latents
      // Of one noise over signal, but not of one scale where only one of the processes preserves variance.
      let scale = (to.levels.first?.sigma ?? 1) / (from.levels.first?.sigma ?? 1)
      batch.decoding = to.decoding(scale == 1 ? latents : scale * latents, batch.range)
    }
  }

  private func nextBatch() throws -> Batch? {
    let range = position..<min(position + batchSize, files.count)
    var readable: [Int] = [], images: [Tensor?] = []
    for index in range {
      do {
        images.append(try from.fitted(files[index]))
        readable.append(index)
      } catch {
        guard let failure = FailedPicture(files[index], error) else { throw error }
        failures.append(failure)
        images.append(nil)
      }
    }
    guard let first = images.lazy.compactMap({ $0 }).first else {
      position = range.upperBound
      return nil
    }
    // Zeros stand for those that cannot be read, so that the others keep their classes.
    let all = try Tensor.cat(images.map { $0 ?? .zeros(like: first) }, dim: 0).validated()
    return Batch(range: range, readable: readable, images: all, encoding: from.encoding(all, range))
  }

  private func finish(_ batch: Batch, _ x: Tensor) throws {
    let before = try batch.images.images(), after = try LatentCodec.checked(x).images(), latents = batch.latents ?? x
    results += batch.readable.map { index in
      let at = index - batch.range.lowerBound
      return Result(index: index, before: before[at], after: after[at], latent: latents.image(at))
    }
    position = batch.range.upperBound
  }
}
