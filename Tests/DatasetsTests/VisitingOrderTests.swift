import Testing

@testable import Datasets

@Suite("Visiting order") struct VisitingOrderTests {
  @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 255, 1000])
  func everyEpochVisitsEveryExampleOnce(count: Int) {
    let order = VisitingOrder(count: count, seed: 5)
    for epoch in 0..<4 {
      let visited = (0..<count).map { order[epoch * count + $0] }
      #expect(visited.sorted() == Array(0..<count), "epoch \(epoch)")
    }
  }

  @Test func epochsAndSeedsDiffer() {
    let a = VisitingOrder(count: 1000, seed: 1), b = VisitingOrder(count: 1000, seed: 2)
    let first = (0..<1000).map { a[$0] }, second = (1000..<2000).map { a[$0] }, other = (0..<1000).map { b[$0] }
    // Two permutations of a thousand agree in one place on average, Poisson distributed.
    for pair in [zip(first, second), zip(first, other), zip(second, other), zip(first, Array(0..<1000))] {
      #expect(pair.filter { $0.0 == $0.1 }.count < 10)
    }
  }

  @Test func neighboursAreNotVisitedTogether() {
    let order = VisitingOrder(count: 1000, seed: 3)
    // For a random order the mean distance of successive indices is a third of the count, with a deviation of about 8.
    let total = (1..<1000).reduce(0) { $0 + abs(order[$1] - order[$1 - 1]) }
    #expect(abs(Double(total) / 999 - 1000.0 / 3) < 40)
  }

  @Test func everyOrderOfThreeOccurs() {
    let orders = (0..<200).map { epoch in
      let order = VisitingOrder(count: 3, seed: 9)
      return (0..<3).map { order[3 * epoch + $0] }
    }
    #expect(Set(orders).count == 6)
  }

  @Test func theOrderIsTheSameInEveryVersion() {
    let order = VisitingOrder(count: 10, seed: 42)
    #expect((0..<10).map { order[$0] } == [4, 2, 1, 0, 9, 8, 5, 7, 6, 3])
  }
}
