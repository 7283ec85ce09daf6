import Testing
import Workflows

@Suite("Time left") struct TimeLeftTests {
  @Test func followsFromTheRateSinceTheFirstStep() throws {
    var left = TimeLeft()
    #expect(left.seconds(at: 0.5, now: 10) == nil)
    // A hundredth in two seconds: half of the work takes a hundred, whatever was done before.
    #expect(abs(try #require(left.seconds(at: 0.51, now: 12)) - 98) < 1e-9)
    #expect(left.seconds(at: 1, now: 110) == 0)
  }

  @Test func isNotGuessedFromTooLittle() {
    var left = TimeLeft()
    #expect(left.seconds(at: 0.2, now: 0) == nil)
    #expect(left.seconds(at: 0.2005, now: 5) == nil)
    #expect(left.seconds(at: 0.2, now: 50) == nil)
  }
}
