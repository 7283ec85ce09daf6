import Foundation
import Testing

@testable import Training

@Suite("Averages made after the training") struct PostHocAverageTests {
  /// A number that wanders as parameters do, and its averages by powers after each step.
  private struct Walk {
    var values: [Double] = []
    init(steps: Int) {
      var state: UInt64 = 1, value = 0.0, speed = 0.0
      for step in 0..<steps {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        speed = 0.98 * speed + Double(Int64(bitPattern: state) >> 40) / Double(1 << 23)
        value += speed + 30 * exp(-Double(step) / 100)
        values.append(value)
      }
    }

    func average(length: Double, until step: Int) -> Double {
      let profile = PowerProfile(length: length)
      return values[..<step].enumerated().reduce(0.0) { average, value in
        let rate = profile.rate(afterUpdates: value.offset)
        return rate * average + (1 - rate) * value.element
      }
    }
  }

  private func profile(_ length: Double, _ time: Int) -> PostHocAverage.Profile {
    PostHocAverage.Profile(exponent: PowerProfile(length: length).exponent, time: Double(time))
  }

  @Test(arguments: [0.05, 0.07, 0.1, 0.15]) func snapshotsOfTwoMakeUpAnyOther(length: Double) throws {
    let walk = Walk(steps: 2000), times = stride(from: 100, through: 2000, by: 100)
    let kept = times.flatMap { time in [0.05, 0.1].map { (time, $0) } }
    let average = try #require(PostHocAverage(profile(length, 2000), from: kept.map { profile($0.1, $0.0) }))
    let found = zip(average.weights, kept).reduce(0.0) { $0 + $1.0 * walk.average(length: $1.1.1, until: $1.1.0) }
    let spread = walk.values.max()! - walk.values.min()!
    #expect(abs(found - walk.average(length: length, until: 2000)) < 0.003 * spread)
    #expect(abs(average.weights.reduce(0, +) - 1) < 1e-9 && average.error < 0.1)
    // What it would be without: the nearest snapshot.
    if length == 0.15 { #expect(abs(walk.average(length: 0.1, until: 2000) - walk.average(length: length, until: 2000)) > 0.01 * spread) }
  }

  @Test func oneThatWasKeptIsItself() throws {
    let average = try #require(PostHocAverage(profile(0.1, 500), from: [profile(0.05, 500), profile(0.1, 500), profile(0.1, 250)]))
    for (weight, expected) in zip(average.weights, [0.0, 1, 0]) { #expect(abs(weight - expected) < 1e-6) }
    #expect(average.error < 1e-5)
  }

  @Test func theProductOfProfilesIsItsIntegral() {
    for (a, b) in [(profile(0.1, 300), profile(0.05, 700)), (profile(0.2, 700), profile(0.1, 700)), (profile(0.05, 900), profile(0.2, 10))]
    {
      let end = min(a.time, b.time), n = 200_000
      func p(_ profile: PostHocAverage.Profile, _ t: Double) -> Double {
        (profile.exponent + 1) * pow(t / profile.time, profile.exponent) / profile.time
      }
      let integral = (0..<n).reduce(0.0) { sum, i in
        let t = (Double(i) + 0.5) * end / Double(n)
        return sum + p(a, t) * p(b, t) * end / Double(n)
      }
      #expect(abs(a.product(b) / integral - 1) < 1e-6 && abs(a.product(b) - b.product(a)) < 1e-12)
    }
  }

  @Test func aPoorChoiceOfSnapshotsIsToldByItsError() throws {
    let far = try #require(PostHocAverage(profile(0.25, 1000), from: [profile(0.05, 1000)]))
    #expect(far.error > 0.5)
    #expect(PostHocAverage(profile(0.1, 1000), from: []) == nil)
  }

  /// Snapshots that are all but the same do not blow the weights up.
  @Test func manySnapshotsCloseToEachOtherKeepTheWeightsSmall() throws {
    let kept: [PostHocAverage.Profile] = (1...300).flatMap { step in [0.05, 0.1].map { profile($0, 1_000_000 + step) } }
    let average = try #require(PostHocAverage(profile(0.07, 1_000_300), from: kept))
    #expect(average.weights.allSatisfy { abs($0) < 1e4 } && abs(average.weights.reduce(0, +) - 1) < 1e-6)
  }
}
