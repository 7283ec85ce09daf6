import Foundation
import Imaging

/// Pictures made larger one after the other, pulled tile by tile. A picture that cannot be read is noted, and the rest goes on.
public final class UpscalingJob {
  public struct Failed: Encodable, Sendable, Equatable {
    public let file: String, problem: String
  }
  public let upscaler: Upscaler
  public let plan: UpscalingPlan
  /// The files written so far.
  public private(set) var written: [String] = []
  public private(set) var failures: [Failed] = []
  private var current: UpscalingRun?

  /// - Throws: `ImagingError` when no libvips is there.
  public init(_ plan: UpscalingPlan, by upscaler: Upscaler) throws {
    _ = try VipsLibrary.loaded()
    self.plan = plan
    self.upscaler = upscaler
  }

  private var done: Int { written.count + failures.count }

  /// Makes one tile of one picture; a picture whose last tile it was is written, whole or not at all.
  /// - Returns: the share of the pictures that is done, nil when all are.
  /// - Throws: `ImagingError` when a result cannot be written, `TorchFault` when memory does not last for the smallest tile.
  public func next() throws -> Double? {
    guard done < plan.items.count else { return nil }
    let item = plan.items[done]
    do {
      let run = try current ?? upscaler.run(Image(file: item.source))
      current = run
      if let share = try run.next(), share < 1 { return (Double(done) + share) / Double(plan.items.count) }
      try write(run.finish(), to: item.target)
      written.append(item.target)
    } catch let error where Self.isAboutOnePicture(error) {
      failures.append(Failed(file: item.source, problem: "\(error)"))
    }
    current = nil
    return Double(done) / Double(plan.items.count)
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
    case let error as ImagingError: if case .unwritable = error.reason { false } else { true }
    case is WorkflowError: true
    default: false
    }
  }
}
