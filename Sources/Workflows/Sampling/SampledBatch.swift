import Failures
import Imaging
import Tensors

/// A finished batch: the images that are kept and, with several candidates, which of them these are.
struct SampledBatch {
  /// `[N, C, H, W]`.
  var images: Tensor
  /// For each image the index of the candidate kept; empty with a single one.
  var winners: [Int] = []
  /// For each image the scores of its candidates; empty with a single one.
  var scores: [[Double]] = []
  /// The traced images at each traced step.
  var frames: [[Image]] = []
}

// Between processes.
extension SampledBatch {
  /// The batch that process `root` of a group sampled.
  /// - Parameter own: ignored in the other processes.
  static func shared(_ own: SampledBatch?, from root: Int, in group: ProcessGroup) throws -> SampledBatch {
    try SampledBatch(group.broadcast(own.map { try $0.state() }, from: root))
  }

  private func state() throws -> StateDict {
    var state = StateDict([("images", images.to(.cpu))])
    if let count = scores.first?.count {
      state["winners"] = Tensor(winners, [winners.count])
      state["scores"] = Tensor(scores.flatMap { $0 }, [scores.count, count])
    }
    if let first = frames.first?.first {
      let shape = [frames.count, frames[0].count, first.height, first.width, first.channels]
      state["frames"] = Tensor(frames.flatMap { $0.flatMap(\.bytes) }, shape)
    }
    return state
  }

  private init(_ state: StateDict) throws {
    guard let images = state["images"] else { throw SfumatoError(.internal, "a batch of another process has no images") }
    self.images = images
    if let winners = state["winners"], let scores = state["scores"] {
      self.winners = try winners.ints()
      self.scores = try (0..<scores.size(0)).map { try scores.select(0, $0).doubles() }
    }
    if let frames = state["frames"] {
      let (height, width, channels) = (frames.size(2), frames.size(3), frames.size(4)), bytes = try frames.bytes()
      let length = height * width * channels
      self.frames = (0..<frames.size(0)).map { moment in
        (0..<frames.size(1)).map { image in
          let start = (moment * frames.size(1) + image) * length
          return Image(width: width, height: height, channels: channels, bytes: Array(bytes[start..<(start + length)]))
        }
      }
    }
  }
}
