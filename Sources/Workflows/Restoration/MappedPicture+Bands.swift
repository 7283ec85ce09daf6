import Foundation
import Imaging
import Tensors

/// Operations on mapped pictures, a band of rows at a time, so that anonymous memory does not grow with the picture.
extension MappedPicture {
  /// Rows that take about 4 MiB.
  private var bandRows: Int { max(1, (4 << 20) / rowBytes) }

  /// The rows from the top, in bands.
  func bands(of rows: Int? = nil) -> [Range<Int>] {
    let step = rows ?? bandRows
    return stride(from: 0, to: height, by: step).map { $0..<min($0 + step, height) }
  }

  /// Resamples into a picture of another size and of the same channels and samples, which must be whole numbers.
  func resample(into result: MappedPicture, _ filter: ResizeFilter) {
    precondition(result.channels == channels && result.samples == samples, "resampled into other samples")
    let resampling = BandResampling(from: (width, height), to: (result.width, result.height), filter: filter)
    for rows in result.bands() {
      let old = resampling.sourceRows(for: rows)
      withRows(old) { source in
        result.withRows(rows) { target in
          switch samples {
          case .uint16:
            let source = UnsafeBufferPointer(source.bindMemory(to: UInt16.self))
            resampling.resample(rows, from: source, into: target.bindMemory(to: UInt16.self), channels: channels)
          default:
            let source = UnsafeBufferPointer(source.bindMemory(to: UInt8.self))
            resampling.resample(rows, from: source, into: target.bindMemory(to: UInt8.self), channels: channels)
          }
        }
      }
      release(rows: old)
      result.release(rows: rows)
    }
  }

  /// A part in memory, with 8 or 16 bits a sample as stored.
  func part(rows: Range<Int>, columns: Range<Int>? = nil) -> any RestorablePicture {
    let columns = columns ?? 0..<width
    switch samples {
    case .uint16: return part(rows, columns, as: DeepImage.self)
    default: return part(rows, columns, as: Image.self)
    }
  }

  private func part<Picture: Raster>(_ rows: Range<Int>, _ columns: Range<Int>, as type: Picture.Type) -> Picture {
    var samples: [Picture.Sample] = []
    samples.reserveCapacity(rows.count * columns.count * channels)
    withRows(rows) { bytes in
      let all = bytes.bindMemory(to: Picture.Sample.self), line = width * channels
      for row in 0..<rows.count {
        let start = row * line + columns.lowerBound * channels
        samples.append(contentsOf: all[start..<(start + columns.count * channels)])
      }
    }
    return Picture(width: columns.count, height: rows.count, channels: channels, samples: samples)
  }

  /// Writes whole rows from `row` on.
  func put(_ picture: any RestorablePicture, row: Int) {
    func put<Picture: Raster>(_ picture: Picture) {
      precondition(picture.width == width && picture.channels == channels, "rows of another picture")
      picture.samples.withUnsafeBytes { samples in
        withRows(row..<(row + picture.height)) { $0.copyMemory(from: samples) }
      }
    }
    put(picture)
  }

  /// The part in the middle, at most `side` pixels wide and high.
  func center(side: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    func middle(_ length: Int) -> Range<Int> {
      let count = min(length, side), start = (length - count) / 2
      return start..<(start + count)
    }
    return (middle(height), middle(width))
  }
}

/// A part of a picture in memory: `Image` or `DeepImage`.
protocol RestorablePicture: Raster {
  var narrow: Image { get }
}

extension Image: RestorablePicture {
  var narrow: Image { self }
}

extension DeepImage: RestorablePicture {
  var narrow: Image { narrowed }
}

extension Raster {
  /// The mean of the channels, to the nearest.
  var meanOfChannels: Self {
    if channels == 1 { return self }
    let channels = channels
    let means = stride(from: 0, to: samples.count, by: channels).map { start -> Sample in
      let sum = samples[start..<(start + channels)].reduce(0) { $0 + Int($1) }
      return Sample((2 * sum + channels) / (2 * channels))
    }
    return Self(width: width, height: height, channels: 1, samples: means)
  }

  /// Samples within two levels of 255 from black or white become that: what was opaque stays opaque.
  var snapped: Self {
    let most = Int(Sample.max), margin = 2 * most / 255
    let values = samples.map { Int($0) <= margin ? 0 : Int($0) >= most - margin ? Sample.max : $0 }
    return Self(width: width, height: height, channels: channels, samples: values)
  }
}
