import Archives
import Checkpoints
import Failures
import Foundation
import Metrics
import Tensors

/// Statistics of features as the field keeps them: an `.npz` with `mu`, `[D]`, and `sigma`, `[D, D]`. Ours carry `count` beside them, and
/// in `features` the name of the features.
struct StatisticsFile {
  let statistics: FeatureStatistics
  /// Nil in files of others.
  let identity: String?

  /// The most numbers of a picture's features: a covariance of 2 GB.
  private static let mostNumbers = 16_384

  /// Whether a path names statistics, not pictures.
  static func isOne(_ path: String) throws -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue, try NPZFile.isNPZ(path) else {
      return false
    }
    return try Set(NPZFile.names(in: path)).isSuperset(of: ["mu", "sigma"])
  }

  init(statistics: FeatureStatistics, identity: String) { (self.statistics, self.identity) = (statistics, identity) }

  /// - Throws: `SfumatoError` for arrays of other shapes, and what reading them throws.
  init(_ path: String) throws {
    let arrays = try NPZFile(path: path).arrays
    let shapes = Dictionary(arrays.map { ($0.name, $0.shape) }) { first, _ in first }
    guard let mu = shapes["mu"], let sigma = shapes["sigma"], mu.count == 1, (1...Self.mostNumbers).contains(mu[0]),
      sigma == [mu[0], mu[0]]
    else {
      let found = arrays.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
      throw SfumatoError(
        .data, "\(path): expected statistics of features, mu [D] and sigma [D, D] with D up to \(Self.mostNumbers), found \(found)")
    }
    // One number, and a name of at most so many bytes: not believed beyond that.
    let count = shapes["count"] == [] ? try Int(exactly: NPY.read(path, array: "count").item()) : nil
    let isNamed = shapes["features"].map { $0.count == 1 && $0[0] <= 1000 } ?? false
    identity = isNamed ? String(decoding: try NPY.read(path, array: "features").to(.uint8).bytes(), as: UTF8.self) : nil
    do {
      statistics = try FeatureStatistics(
        mean: NPY.read(path, array: "mu"), covariance: NPY.read(path, array: "sigma"), count: count.flatMap { $0 > 0 ? $0 : nil })
    } catch let error as SfumatoError { throw SfumatoError(error.failure, "\(path): \(error)") }
  }

  /// Whole or not at all.
  /// - Throws: `ArchiveError` when the system refuses to write.
  func write(to path: String) throws {
    let d = statistics.size, name = Array((identity ?? "").utf8)
    let count = withUnsafeBytes(of: Int64(statistics.count ?? 0).littleEndian) { Array($0) }
    try NPY.write(
      [
        ("mu", NPY.encode(statistics.mean.bytes(), shape: [d], dtype: .float64)),
        ("sigma", NPY.encode(statistics.covariance.contiguous().bytes(), shape: [d, d], dtype: .float64)),
        ("count", NPY.encode(count, shape: [], dtype: .int64)), ("features", NPY.encode(name, shape: [name.count], dtype: .uint8)),
      ], to: path)
  }

  /// Refuses statistics of other features than those asked for.
  /// - Throws: `SfumatoError`.
  func check(_ path: String, for extractor: any FeatureExtractor) throws {
    guard let identity, identity != extractor.identity else { return }
    throw SfumatoError(
      .data,
      "\(path) has statistics of other features: \(identity); expected \(extractor.identity). Name another file, or the same features")
  }
}
