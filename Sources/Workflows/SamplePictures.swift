import Diffusion
import Imaging
import Training

/// What there is to choose from when sampling, for help texts and forms.
public enum SampleChoices {
  public static var samplers: String { SamplerRegistry.names.joined(separator: ", ") }

  public enum Precision: String, CaseIterable, Sendable {
    case float32, bfloat16
    public var value: Training.Precision { self == .float32 ? .float32 : .bfloat16 }
  }
}

/// Writes what a sampling job drew.
public struct SamplePictures: Sendable {
  /// Of the grid; nil for one for each class, or square.
  public var columns: Int?
  /// Images of at most this height are magnified, so that they can be looked at.
  public var visibleHeight = 56
  /// An animation shows at most so many images.
  public var animationLimit = 100

  public init(columns: Int? = nil) { self.columns = columns }

  /// - Returns: the files written.
  public func write(_ job: SamplingJob, picture: String, animation: String?, npz: String?) throws -> [String] {
    try grid(job.images, job).write(to: picture)
    var files = [picture]
    if let animation {
      let frames = try job.steps.map { try grid(Array($0.prefix(animationLimit)), job) }
      try Animation(frames: frames, delay: 80, hold: 2000).write(to: animation)
      files.append(animation)
    }
    if let npz {
      try SampleArchive.write(job.images, labels: job.labels, to: npz)
      files.append(npz)
    }
    return files
  }

  private func grid(_ images: [Image], _ job: SamplingJob) throws -> Image {
    let distinct = Set(job.labels.compactMap { $0 }).count
    let byClass = distinct > 1 && distinct <= 40 && images.count % distinct == 0 ? distinct : nil
    let scale = max(1, visibleHeight / (images.first?.height ?? 1))
    return try Image.grid(images, columns: columns ?? byClass, scale: scale)
  }
}
