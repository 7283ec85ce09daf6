import Checkpoints
import Failures
import Foundation
import Imaging

/// Upscales pictures one after another, tile by tile. Pictures that cannot be read are recorded and skipped.
public final class UpscalingJob: PictureJob {
  public let upscaler: Upscaler
  public let plan: UpscalingPlan
  /// The files written so far.
  public private(set) var written: [String] = []
  public private(set) var failures: [FailedPicture] = []
  private var current: Current?
  private var comparison: (file: String, sheet: ComparisonSheet)?

  /// - Parameter comparison: the file for a sheet of the first pictures before and after.
  /// - Throws: `ImagingError` when libvips is missing; `SfumatoError` when the comparison cannot be written.
  public init(_ plan: UpscalingPlan, by upscaler: Upscaler, comparison: String? = nil) throws {
    _ = try VipsLibrary.loaded()
    if let comparison {
      do { _ = try ImageFormat(forFile: comparison) } catch { throw SfumatoError(.usage, "\(error)") }
      guard !plan.items.contains(where: { $0.target == comparison || $0.source == comparison }) else {
        throw SfumatoError(.usage, "\(comparison): the comparison would overwrite a picture; name another file")
      }
      try OutputFile.check(comparison)
      self.comparison = (comparison, ComparisonSheet())
    }
    self.plan = plan
    self.upscaler = upscaler
  }

  public var count: Int { plan.items.count }
  private var done: Int { written.count + failures.count }

  /// Whether the next step writes a file; any other can be ended at any moment without leaving anything half written.
  public var writesNext: Bool { current?.isComputed ?? false }

  /// Processes one tile of one picture; the step after its last tile writes it, atomically.
  /// - Returns: the completed fraction, nil when all pictures are done.
  /// - Throws: `ImagingError` when a result cannot be written, `TorchFault` when even the smallest tile runs out of memory.
  public func next() throws -> Double? {
    guard done < plan.items.count else { return nil }
    let item = plan.items[done]
    do {
      var picture = try current ?? begin(item)
      if !picture.isComputed {
        let share = try picture.next() ?? 1
        picture.isComputed = share >= 1
        current = picture
        return (Double(done) + share) / Double(plan.items.count)
      }
      let after = try picture.finish(item.target)
      written.append(item.target)
      try comparison?.sheet.add(before: picture.before, after: after, name: (item.source as NSString).lastPathComponent)
    } catch {
      guard let failed = FailedPicture(item.source, error) else { throw error }
      failures.append(failed)
    }
    current = nil
    return Double(done) / Double(plan.items.count)
  }

  /// The picture under way.
  private struct Current {
    let before: Image
    var isComputed = false
    let next: () throws -> Double?
    /// Writes the result to a file.
    let finish: (String) throws -> Image
  }

  /// 16 bits a sample are kept where the result's format can hold them.
  private func begin(_ item: PictureItem) throws -> Current {
    let reader = try PictureReader(file: item.source)
    if reader.isDeep, try ImageFormat(forFile: item.target).holdsDeepSamples {
      let before = try reader.deepImage(), run = try upscaler.run(before)
      return Current(before: before.narrowed, next: run.next) { target in
        let after = try run.finish()
        try PicturePath.makeFolder(of: target)
        try after.write(to: target)
        return after.narrowed
      }
    }
    let before = try reader.image(), run = try upscaler.run(before)
    return Current(before: before, next: run.next) { target in
      let after = try run.finish()
      try PicturePath.makeFolder(of: target)
      try after.write(to: target)
      return after
    }
  }

  /// Writes the comparison, if one was requested and any picture was written.
  /// - Returns: its file.
  public func writeComparison() throws -> String? {
    guard let comparison, !written.isEmpty else { return nil }
    try comparison.sheet.draw().write(to: comparison.file)
    return comparison.file
  }
}
