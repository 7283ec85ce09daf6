import Checkpoints
import Failures
import Foundation
import Imaging

/// Plots as files of their own: SVG, or a picture of the same.
enum PlotFile {
  /// - Throws: `SfumatoError` for a file of another format, or that cannot be written.
  static func check(_ path: String) throws {
    let ending = (path as NSString).pathExtension.lowercased()
    guard ["svg", "png"].contains(ending) else {
      throw SfumatoError(.usage, "\(path): plots are written as .svg or .png; name it so")
    }
    try OutputFile.check(path)
    if ending == "png" { _ = try VipsLibrary.loaded() }
  }

  /// - Throws: `ImagingError` or `SfumatoError` when it cannot be written.
  static func write(_ plot: Plot, to path: String) throws {
    guard path.lowercased().hasSuffix(".svg") else { return try PlotRaster(plot).draw().write(to: path) }
    try AtomicFile.write(plot.svg() + "\n", to: path)
  }
}
