import Checkpoints
import Diffusion
import Failures
import Imaging
import Training

/// The files written from the samples of a job.
public struct SamplePictures: Sendable {
  /// All images in a grid: PNG, JPEG, WebP or GIF by extension.
  public var grid: String
  /// Columns of the grid; nil for one per class or vector, otherwise square.
  public var columns: Int?
  /// Captions below each image of the grid.
  public var captions: [Caption] = []
  /// An animation of the denoising of the first images, GIF or WebP by extension.
  public var animation: String?
  public var timing = Timing()
  /// The same as a still picture: a row for each of the first images, a column for each of several steps.
  public var denoising: String?
  /// The images as arrays, see `SampleArchive`.
  public var npz: String?
  /// One file per image.
  public var single: ImagePattern?
  /// Metadata of the PNG files.
  public var notes: PictureNotes = [:]

  public enum Caption: String, Sendable, CaseIterable {
    /// The class name or the text.
    case `class`
    /// The image's number, from 0, which with the seed determines its noise.
    case number
    /// The score of the best candidate.
    case score
  }

  /// Frames and delays of an animation.
  public struct Timing: Sendable, Equatable {
    public var frames = FrameSchedule.all
    /// Milliseconds per frame, and for the last one.
    public var delay = 80, hold = 2000
    public init() {}
  }

  /// Smaller images are magnified to about this height.
  private static let visibleHeight = 56
  /// The most images in an animation and in a denoising sheet.
  public static let animationLimit = 100, denoisingLimit = 12
  private static let denoisingColumns = FrameSchedule.evenly(9)

  public init(grid: String, animation: String? = nil, npz: String? = nil, columns: Int? = nil) {
    self.grid = grid
    self.animation = animation
    self.npz = npz
    self.columns = columns
  }

  private var files: [String] { [grid, animation, denoising, npz].compactMap { $0 } }

  /// Sets which images and steps a request must trace for these pictures.
  public func trace(_ request: inout SamplingRequest) {
    request.tracedCount = min(request.count, animation != nil ? Self.animationLimit : denoising != nil ? Self.denoisingLimit : 0)
    request.tracedMoments = (animation == nil ? [] : [timing.frames]) + (denoising == nil ? [] : [Self.denoisingColumns])
  }

  /// Writes the samples; each file is written atomically.
  /// - Parameter enlarged: upscaled images to write in place of the job's; an animation shows the originals.
  /// - Returns: the files written.
  public func write(_ job: SamplingJob, enlarged: [Image]? = nil) throws -> [String] {
    let images = enlarged ?? job.images
    try sheet(images, job).write(to: grid, notes: notes)
    if let animation {
      let frames = try moments(timing.frames, job).map { try frame($0.images, job) }
      try Animation(frames: frames, delay: timing.delay, hold: timing.hold).write(to: animation)
    }
    if let denoising { try denoisingSheet(job).draw().write(to: denoising, notes: notes) }
    if let npz { try SampleArchive.write(images, labels: job.plan.classes, to: npz) }
    if let single { try write(images, job, by: single) }
    return files + [single].compactMap { $0?.text }
  }

  private func write(_ images: [Image], _ job: SamplingJob, by pattern: ImagePattern) throws {
    for (index, image) in images.enumerated() {
      let file = pattern.path(index, of: images.count, className: className(index, job), seed: job.plan.request.seed)
      try ImagePattern.makeFolder(of: file)
      try image.write(to: file, notes: notes)
    }
  }

  private func moments(_ schedule: FrameSchedule, _ job: SamplingJob) throws -> [(number: Int, images: [Image])] {
    let wanted = Set(try schedule.moments(of: job.plan.stepCount))
    return zip(job.plan.tracedMoments, job.frames).filter { wanted.contains($0.0) }.map { (number: $0.0, images: $0.1) }
  }

  private func sheet(_ images: [Image], _ job: SamplingJob) throws -> Image {
    var sheet = PictureSheet(images, columns: columns(job, images.count))
    sheet.scale = Self.scale(height: images.first?.height ?? 1)
    if !captions.isEmpty { sheet.captions = images.indices.map { caption($0, job) } }
    return try sheet.draw()
  }

  private func frame(_ images: [Image], _ job: SamplingJob) throws -> Image {
    try Image.grid(images, columns: columns(job, images.count), scale: Self.scale(height: images.first?.height ?? 1))
  }

  /// One image per row, from noise on the left to the sample on the right, with step numbers as column titles.
  private func denoisingSheet(_ job: SamplingJob) throws -> PictureSheet {
    let moments = try moments(Self.denoisingColumns, job), rows = min(job.images.count, Self.denoisingLimit)
    var sheet = PictureSheet((0..<rows).flatMap { row in moments.map { $0.images[row] } }, columns: moments.count)
    sheet.scale = Self.scale(height: job.images[0].height)
    sheet.columnTitles = moments.map { String($0.number) }
    let names = (0..<rows).map { className($0, job) }
    if names.contains(where: { !$0.isEmpty }) { sheet.rowTitles = names }
    return sheet
  }

  private func className(_ index: Int, _ job: SamplingJob) -> String { job.plan.words(of: index) }

  private func caption(_ index: Int, _ job: SamplingJob) -> String {
    captions.map { caption in
      switch caption {
      case .class: className(index, job)
      case .number: String(index)
      case .score: Self.rounded(job.choices[index].scores[job.choices[index].winner])
      }
    }.joined(separator: ", ")
  }

  /// Rounded to three significant digits.
  private static func rounded(_ score: Double) -> String {
    score.formatted(.number.precision(.significantDigits(3)).locale(.init(identifier: "en")))
  }

  private func columns(_ job: SamplingJob, _ count: Int) -> Int {
    let distinct = job.plan.contextCount ?? Set(job.plan.classes.prefix(count).compactMap { $0 }).count
    let byClass = distinct > 1 && distinct <= 40 && count % distinct == 0 ? distinct : nil
    return columns ?? byClass ?? Int(Double(count).squareRoot().rounded(.up))
  }

  private static func scale(height: Int) -> Int { max(1, visibleHeight / height) }
}

// MARK: Validation

extension SamplePictures {
  /// Checks before sampling that everything can be written.
  /// - Parameter enlargement: the factor by which the images are upscaled before they are written.
  /// - Throws: `SfumatoError`; `ImagingError` when libvips is missing.
  public func check(_ job: SamplingJob, enlargement: Int = 1) throws {
    if let columns, !(1...10_000).contains(columns) { throw SfumatoError(.usage, "the columns must be 1 to 10000, not \(columns)") }
    guard Set(files).count == files.count else { throw SfumatoError(.usage, "two results cannot be written to one file") }
    for file in [grid, denoising].compactMap({ $0 }) { _ = try format(of: file) }
    guard try animation.map({ try format(of: $0).holdsAnimation }) ?? true else {
      throw SfumatoError(.usage, "\(animation ?? ""): this format holds no animation; expected .gif or .webp")
    }
    for time in [timing.delay, timing.hold] where !(1...600_000).contains(time) {
      throw SfumatoError(.usage, "the time of a frame must be 1 to 600000 ms, not \(time)")
    }
    try checkCaptions(job)
    try checkSize(job, enlargement)
    for file in files { try OutputFile.check(file) }
    if let single { try OutputFile.check("\(ImagePattern.nearestFolder(of: single.text))/image") }
    _ = try VipsLibrary.loaded()
  }

  private func checkCaptions(_ job: SamplingJob) throws {
    guard !captions.contains(.class) || job.plan.texts != nil || job.plan.classes.contains(where: { $0 != nil }) else {
      throw SfumatoError(.usage, "class captions need classes or texts, and the images have none")
    }
    guard !captions.contains(.score) || job.plan.request.candidates > 1 else {
      throw SfumatoError(.usage, "score captions need several candidates; use --best-of 2 or more")
    }
  }

  private func format(of file: String) throws -> ImageFormat {
    do { return try ImageFormat(forFile: file) } catch { throw SfumatoError(.usage, "\(error)") }
  }

  private func checkSize(_ job: SamplingJob, _ enlargement: Int) throws {
    func pixels(_ count: Int, times enlargement: Int, captions: Bool) -> Int {
      let columns = columns(job, count), data = job.plan.model.recipe.data
      let scale = enlargement * Self.scale(height: data.height * enlargement)
      // A caption is 11 pixels high, or a twelfth of the height of large images.
      let caption = captions ? max(11, data.height * scale / 11) : 0
      return columns * (data.width * scale + 2) * ((count + columns - 1) / columns) * (data.height * scale + caption + 2)
    }
    // This leaves out only the outer border.
    let limit = Image.pixelLimit / 100 * 99
    guard pixels(job.plan.request.count, times: enlargement, captions: !captions.isEmpty) <= limit else {
      throw SfumatoError(
        .usage,
        "\(job.plan.request.count) images are too many for one picture; sample fewer at a time, each time with another seed")
    }
    let frames = try animation == nil ? 0 : timing.frames.moments(of: job.plan.stepCount).count
    guard frames == 0 || pixels(job.plan.request.tracedCount, times: 1, captions: false) <= limit / frames else {
      throw SfumatoError(
        .usage,
        "\(frames) frames of \(job.plan.request.tracedCount) images are too many for one animation; show fewer, such as --frames 20")
    }
  }
}
