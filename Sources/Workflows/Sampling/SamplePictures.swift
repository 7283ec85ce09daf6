import Diffusion
import Imaging
import Training

/// What there is to choose from when sampling, for help texts and forms.
public enum SampleChoices {
  public static var samplers: String { SamplerRegistry.names.joined(separator: ", ") }

  public typealias Precision = Training.Precision
}

/// The files that are made of what a sampling job draws.
public struct SamplePictures: Sendable {
  /// All images in a grid: PNG, JPEG, WebP or GIF by its name.
  public var grid: String
  /// How the first images came out of the noise, GIF or WebP by its name.
  public var animation: String?
  /// The images as numbers, see `SampleArchive`.
  public var npz: String?
  /// Of the grid; nil for one for each class, or square.
  public var columns: Int?

  /// Images of at most this height are magnified, so that they can be looked at.
  private static let visibleHeight = 56
  /// An animation shows at most so many images.
  public static let animationLimit = 100

  public init(grid: String, animation: String? = nil, npz: String? = nil, columns: Int? = nil) {
    self.grid = grid
    self.animation = animation
    self.npz = npz
    self.columns = columns
  }

  /// Refuses, before anything is drawn, what could not be written in the end.
  /// - Parameter enlargement: how many times as high and wide the images are to be made before they are written.
  /// - Throws: `WorkflowError`; `ImagingError` when no libvips is there.
  public func check(_ job: SamplingJob, enlargement: Int = 1) throws {
    if let columns, !(1...10_000).contains(columns) { throw WorkflowError(.usage, "the columns must be 1 to 10000, not \(columns)") }
    let files = [grid, animation, npz].compactMap { $0 }
    guard Set(files).count == files.count else { throw WorkflowError(.usage, "two results cannot be written to one file") }
    _ = try format(of: grid)
    guard try animation.map({ try format(of: $0).holdsAnimation }) ?? true else {
      throw WorkflowError(.usage, "\(animation ?? ""): no animation can be in such a file; .gif and .webp hold one")
    }
    try checkSize(job, enlargement)
    for file in files { try OutputFile.check(file) }
    _ = try VipsLibrary.loaded()
  }

  /// Writes what was drawn; each file is whole or not there.
  /// - Parameter enlarged: what was made of the job's images, to be written in their place; an animation shows them as drawn.
  /// - Returns: the files.
  public func write(_ job: SamplingJob, enlarged: [Image]? = nil) throws -> [String] {
    let images = enlarged ?? job.images
    try picture(images, job).write(to: grid)
    if let animation {
      try Animation(frames: try job.steps.map { try picture($0, job) }, delay: 80, hold: 2000).write(to: animation)
    }
    if let npz { try SampleArchive.write(images, labels: job.classes, to: npz) }
    return [grid, animation, npz].compactMap { $0 }
  }

  private func format(of file: String) throws -> ImageFormat {
    do { return try ImageFormat(forFile: file) } catch { throw WorkflowError(.usage, "\(error)") }
  }

  private func picture(_ images: [Image], _ job: SamplingJob) throws -> Image {
    try Image.grid(images, columns: columns(job, images.count), scale: Self.scale(height: images.first?.height ?? 1))
  }

  private func checkSize(_ job: SamplingJob, _ enlargement: Int) throws {
    func pixels(_ count: Int, times enlargement: Int) -> Int {
      let columns = columns(job, count), data = job.model.recipe.data
      let scale = enlargement * Self.scale(height: data.height * enlargement)
      return columns * (data.width * scale + 2) * ((count + columns - 1) / columns) * (data.height * scale + 2)
    }
    // The border round the whole is all that this leaves out.
    let limit = Image.pixelLimit / 100 * 99
    guard pixels(job.request.count, times: enlargement) <= limit else {
      throw WorkflowError(
        .usage, "\(job.request.count) images are too many for one picture; draw fewer at a time, each time with another seed")
    }
    guard animation == nil || pixels(job.request.tracedCount, times: 1) <= limit / (job.stepCount + 1) else {
      throw WorkflowError(.usage, "\(job.stepCount + 1) pictures of \(job.request.tracedCount) images are too many for one animation")
    }
  }

  private func columns(_ job: SamplingJob, _ count: Int) -> Int {
    let distinct = Set(job.classes.prefix(count).compactMap { $0 }).count
    let byClass = distinct > 1 && distinct <= 40 && count % distinct == 0 ? distinct : nil
    return columns ?? byClass ?? Int(Double(count).squareRoot().rounded(.up))
  }

  private static func scale(height: Int) -> Int { max(1, visibleHeight / height) }
}
