import Testing
import Workflows

@Suite("Time left") struct TimeLeftTests {
  @Test func followsFromTheRateSinceTheFirstStep() {
    var left = TimeLeft()
    let first = left.seconds(at: 0.5, now: 10)
    // A hundredth in two seconds: half of the work takes a hundred, whatever was done before.
    let second = left.seconds(at: 0.51, now: 12), last = left.seconds(at: 1, now: 110)
    #expect(first == nil && last == 0)
    #expect(abs((second ?? 0) - 98) < 1e-9)
  }

  @Test func isNotGuessedFromTooLittle() {
    var left = TimeLeft()
    let guesses = [(0.2, 0.0), (0.2005, 5), (0.2, 50)].map { left.seconds(at: $0, now: $1) }
    #expect(guesses == [nil, nil, nil])
  }
}
