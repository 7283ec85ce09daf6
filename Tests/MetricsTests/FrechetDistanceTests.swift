import Failures
import Foundation
import Metrics
import Tensors
import Testing

@Suite("The Frechet distance") struct FrechetDistanceTests {
  private func gaussian(_ mean: [Double], _ covariance: [Double]) throws -> FeatureStatistics {
    try FeatureStatistics(mean: Tensor(mean), covariance: Tensor(covariance, [mean.count, mean.count]))
  }

  @Test func isThatOfDeviationsWhereCovariancesCommute() throws {
    let a = try gaussian([1, 2], [4, 0, 0, 9]), b = try gaussian([1, -1], [1, 0, 0, 0.25])
    // 3² + (2 - 1)² + (3 - 0.5)²; rounding of eigenvalues.
    #expect(abs(try a.frechetDistance(to: b) - 16.25) < 1e-12)
    #expect(abs(try a.frechetDistance(to: b) - b.frechetDistance(to: a)) < 1e-12)
    #expect(try a.frechetDistance(to: a) < 1e-12)
  }

  @Test func isTheClosedFormOfTwoDimensionsWhereCovariancesDoNotCommute() throws {
    let a = [2.0, 0.7, 0.7, 1.0], b = [1.5, -0.6, -0.6, 3.0]
    // tr (A B)^½ of 2 x 2 matrices is (tr A B + 2 (det A B)^½)^½.
    let trace = zip(a, b).map(*).reduce(0, +), determinant = (a[0] * a[3] - a[1] * a[2]) * (b[0] * b[3] - b[1] * b[2])
    let want = a[0] + a[3] + b[0] + b[3] - 2 * (trace + 2 * determinant.squareRoot()).squareRoot()
    #expect(abs(try gaussian([0, 0], a).frechetDistance(to: gaussian([0, 0], b)) - want) < 1e-12)
  }

  @Test func isExactForSingularCovariances() throws {
    // Of rank one, u uᵀ and v vᵀ: |u|² + |v|² - 2 |u · v|; of u uᵀ and the identity: |u|² + n - 2 |u|. Roots of rounded zeros are 1e-8.
    let u = (0..<12).map { sin(Double($0)) }, v = (0..<12).map { cos(2 * Double($0)) }
    func outer(_ x: [Double]) -> [Double] { x.flatMap { a in x.map { a * $0 } } }
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).map(*).reduce(0, +) }
    let zero = [Double](repeating: 0, count: 12)
    let found = try gaussian(zero, outer(u)).frechetDistance(to: gaussian(zero, outer(v)))
    #expect(abs(found - (dot(u, u) + dot(v, v) - 2 * abs(dot(u, v)))) < 1e-12)
    let identity = (0..<144).map { $0 % 13 == 0 ? 1.0 : 0 }
    let full = try gaussian(zero, outer(u)).frechetDistance(to: gaussian(zero, identity))
    #expect(abs(full - (dot(u, u) + 12 - 2 * dot(u, u).squareRoot())) < 1e-12)
  }

  @Test func statisticsOfBatchesAreThoseOfTheWhole() throws {
    let features = Tensor.randn([50, 5], dtype: .float64, using: Generator(seed: 1)) * 2 + 1_000_000
    var whole = FeatureMoments(), parts = FeatureMoments(blockSize: 15)
    whole.add(features)
    for range in [0..<1, 1..<1, 1..<20, 20..<40, 40..<50] { parts.add(features.slice(0, range)) }
    let (a, b) = (try whole.statistics(), try parts.statistics())
    // The mean of numbers near a million has 1e-10 of rounding, and so have differences from it.
    #expect(try (a.mean - b.mean).abs().max().item() < 1e-8)
    #expect(try (a.covariance - b.covariance).abs().max().item() < 1e-8)
    let first = features.select(1, 0)
    #expect(abs(try a.covariance.doubles()[0] - first.variance().item()) < 1e-8)
    #expect(a.count == 50 && parts.count == 50)
    #expect(try a.digest().count == 16 && a.digest() == FeatureStatistics(mean: a.mean, covariance: a.covariance).digest())
    #expect(try a.digest() != FeatureStatistics(mean: a.mean + 1, covariance: a.covariance).digest())
  }

  @Test func severalDistancesAreThoseOfEach() throws {
    let sets = try (1...3).map { seed in
      var moments = FeatureMoments()
      moments.add(Tensor.randn([40, 4], dtype: .float64, using: Generator(seed: UInt64(seed))) * Double(seed))
      return try moments.statistics()
    }
    let found = try sets[0].frechetDistances(to: [sets[1], sets[2]])
    #expect(try found == [sets[0].frechetDistance(to: sets[1]), sets[0].frechetDistance(to: sets[2])] && found[1] > found[0])
    let other = try FeatureStatistics(mean: .ones([2]), covariance: .ones([2, 2]))
    #expect(throws: SfumatoError.self) { try sets[0].frechetDistances(to: [sets[1], other]) }
  }

  @Test func whatIsNoCovarianceIsRefused() throws {
    let mean = Tensor([0, 0] as [Double]), good = try FeatureStatistics(mean: mean, covariance: Tensor([1, 0, 0, 1] as [Double], [2, 2]))
    for sigma in [[1, 2, 0, 1], [1e200, 0, 0, 1], [-1, 0, 0, -1], [1, 2, 2, 1]] as [[Double]] {
      let error = #expect(throws: SfumatoError.self, "\(sigma)") {
        try FeatureStatistics(mean: mean, covariance: Tensor(sigma, [2, 2])).frechetDistance(to: good)
      }
      #expect(error?.description.contains("no covariance") == true)
    }
  }

  @Test func whatHasNoStatisticsIsRefused() throws {
    var moments = FeatureMoments()
    moments.add(.ones([1, 3]))
    #expect(throws: SfumatoError.self) { try moments.statistics() }
    moments.add(Tensor([Float.nan, 0, 0], [1, 3]))
    #expect(throws: SfumatoError.self) { try moments.statistics() }
    #expect(throws: SfumatoError.self) { try gaussian([1], [1]).frechetDistance(to: gaussian([1, 2], [1, 0, 0, 1])) }
    #expect(throws: SfumatoError.self) { try FeatureStatistics(mean: .ones([2]), covariance: .ones([3, 3])) }
  }
}
