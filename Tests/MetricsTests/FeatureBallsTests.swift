import Failures
import Metrics
import Tensors
import Testing

@Suite("Precision and recall") struct FeatureBallsTests {
  private let reference = Tensor.randn([530, 2], using: Generator(seed: 1))
  private let generated = Tensor.randn([60, 2], using: Generator(seed: 2)) * 0.7 + 0.3

  private typealias Point = SIMD2<Double>

  private func points(_ x: Tensor) throws -> [Point] {
    let values = try x.doubles()
    return (0..<x.size(0)).map { Point(values[2 * $0], values[2 * $0 + 1]) }
  }

  private func distance(_ a: Point, _ b: Point) -> Double { ((a - b) * (a - b)).sum() }

  /// For each picture, in how many balls it lies, found pair by pair.
  private func membership(_ points: [Point], _ pictures: [Point], k: Int) -> [[Bool]] {
    let radii = points.map { point in points.map { distance($0, point) }.sorted()[k] }
    return pictures.map { picture in zip(points, radii).map { distance($0, picture) <= $1 } }
  }

  @Test func areThoseFoundPairByPair() throws {
    let (real, made) = (try points(reference), try points(generated))
    let found = try PrecisionRecall(reference: reference, generated: generated)
    let own = membership(real, made, k: 3), other = membership(made, real, k: 3), wide = membership(real, made, k: 5)
    #expect(found.precision == Double(own.count { $0.contains(true) }) / 60)
    #expect(found.recall == Double(other.count { $0.contains(true) }) / 530)
    #expect(found.density == Double(wide.reduce(0) { $0 + $1.count { $0 } }) / (5 * 60))
    #expect(found.coverage == Double((0..<530).count { at in wide.contains { $0[at] } }) / 530)
  }

  @Test func aSetCoversItselfEvenWhereAllPicturesAreEqual() throws {
    let same = try PrecisionRecall(reference: reference, generated: reference)
    #expect(same.precision == 1 && same.recall == 1 && same.coverage == 1)
    // Radii of zero: rounding alone would push equal pictures out.
    let equal = Tensor.full(12345.678, [10, 3])
    #expect(try PrecisionRecall(reference: equal, generated: equal).precision == 1)
    #expect(try FeatureBalls(equal, neighbors: 3).radii.abs().max().item() == 0)
  }

  @Test func setsFarApartShareNothing() throws {
    let far = try PrecisionRecall(reference: reference, generated: generated + 100)
    #expect(far == (try PrecisionRecall(reference: reference, generated: generated - 100)))
    #expect(far.precision == 0 && far.recall == 0 && far.density == 0 && far.coverage == 0)
  }

  @Test func aSupportServesForSeveralSets() throws {
    let support = try FeatureSupport(reference), found = try PrecisionRecall(reference: support, generated: FeatureSupport(generated))
    #expect(found == (try PrecisionRecall(reference: reference, generated: generated)))
    #expect(try PrecisionRecall(reference: support, generated: support).density >= 1)
    #expect(throws: SfumatoError.self) { try FeatureSupport(.ones([5, 2])) }
  }

  @Test func tooFewNeighboursAndOtherFeaturesAreRefused() throws {
    #expect(throws: SfumatoError.self) { try FeatureBalls(.ones([3, 2]), neighbors: 3) }
    #expect(throws: SfumatoError.self) { try FeatureBalls(.ones([4, 2]), neighbors: 3).membership(of: .ones([4, 3])) }
  }
}
