import Checkpoints
import Failures
import Foundation
import Imaging

/// Upscales pictures one after another, tile by tile. Pictures that cannot be read are recorded and skipped.
public final class UpscalingJob {
  public struct Failed: Encodable, Sendable, Equatable {
    public let file: String, problem: String
  }
  public let upscaler: Upscaler
  public let plan: UpscalingPlan
  /// The files written so far.
  public private(set) var written: [String] = []
  public private(set) var failures: [Failed] = []
  private var current: (before: Image, run: UpscalingRun)?
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

  private var done: Int { written.count + failures.count }

  /// Processes one tile of one picture; after its last tile the picture is written atomically.
  /// - Returns: the completed fraction, nil when all pictures are done.
  /// - Throws: `ImagingError` when a result cannot be written, `TorchFault` when even the smallest tile runs out of memory.
  public func next() throws -> Double? {
    guard done < plan.items.count else { return nil }
    let item = plan.items[done]
    do {
      let (before, run) = try current ?? begin(item.source)
      current = (before, run)
      if let share = try run.next(), share < 1 { return (Double(done) + share) / Double(plan.items.count) }
      let after = try run.finish()
      try write(after, to: item.target)
      written.append(item.target)
      try comparison?.sheet.add(before: before, after: after, name: (item.source as NSString).lastPathComponent)
    } catch let error where Self.isAboutOnePicture(error) {
      failures.append(Failed(file: item.source, problem: "\(error)"))
    }
    current = nil
    return Double(done) / Double(plan.items.count)
  }

  private func begin(_ source: String) throws -> (before: Image, run: UpscalingRun) {
    let before = try Image(file: source)
    return (before, try upscaler.run(before))
  }

  /// Writes the comparison, if one was requested and any picture was written.
  /// - Returns: its file.
  public func writeComparison() throws -> String? {
    guard let comparison, !written.isEmpty else { return nil }
    try comparison.sheet.draw().write(to: comparison.file)
    return comparison.file
  }

  private func write(_ image: Image, to target: String) throws {
    if let folder = plan.newFolder, written.isEmpty {
      do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
        throw ImagingError(file: folder, .unwritable(error.localizedDescription))
      }
    }
    try image.write(to: target)
  }

  private static func isAboutOnePicture(_ error: any Error) -> Bool {
    switch error {
    case let error as ImagingError: if case .unwritable = error.problem { false } else { true }
    case is SfumatoError: true
    default: false
    }
  }
}
