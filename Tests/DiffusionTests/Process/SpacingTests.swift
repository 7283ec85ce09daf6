import Foundation
import Testing

@testable import Diffusion

@Suite("Spacings") struct SpacingTests {
  @Test func trailingEndsAtTheLastStep() throws {
    #expect(try Spacing.trailing.timesteps(of: 1000, steps: 5) == [199, 399, 599, 799, 999])
    // 10/3 and 20/3 to the nearest, one less.
    #expect(try Spacing.trailing.timesteps(of: 10, steps: 3) == [2, 6, 9])
    #expect(try Spacing.trailing.timesteps(of: 1000, steps: 1) == [999])
  }

  @Test func leadingBeginsAtStepZeroWithWholeStrides() throws {
    #expect(try Spacing.leading.timesteps(of: 1000, steps: 5) == [0, 200, 400, 600, 800])
    #expect(try Spacing.leading.timesteps(of: 10, steps: 3) == [0, 3, 6])
  }

  @Test func leadingMayBeginLater() throws {
    #expect(try Spacing("leading+1").timesteps(of: 1000, steps: 5) == [1, 201, 401, 601, 801])
    #expect(try Spacing("leading+1").timesteps(of: 1000, steps: 7) == [1, 143, 285, 427, 569, 711, 853])
    #expect(try Spacing("leading+0") == .leading)
  }

  /// ⌊9 i² / 9⌋, and ⌊9 i² / 36⌋ = 0, 0, 1, 2, 4, 6, 9 with the repeated step pushed on.
  @Test func quadraticIsDenserTowardsStepZero() throws {
    #expect(try Spacing.quadratic.timesteps(of: 10, steps: 4) == [0, 1, 4, 9])
    #expect(try Spacing.quadratic.timesteps(of: 10, steps: 7) == [0, 1, 2, 3, 4, 6, 9])
    #expect(try Spacing.quadratic.timesteps(of: 1000, steps: 5) == [0, 62, 249, 561, 999])
    for steps in 2...60 {
      let kept = try Spacing.quadratic.timesteps(of: 60, steps: steps)
      #expect(kept.count == steps && Set(kept).count == steps && kept == kept.sorted() && kept.last == 59)
    }
  }

  @Test func aListIsTakenAsItIsUpwardsOrDownwards() throws {
    #expect(try Spacing("at:999,500,0").timesteps(of: 1000) == [0, 500, 999])
    #expect(try Spacing("at:0,500,999").timesteps(of: 1000, steps: 3) == [0, 500, 999])
    #expect(try Spacing("at:7").timesteps(of: 8) == [7])
  }

  @Test func linspaceHoldsBothEndsAndRoundsHalvesToEven() throws {
    #expect(try Spacing.linspace.timesteps(of: 1000, steps: 5) == [0, 250, 500, 749, 999])
    #expect(try Spacing.linspace.timesteps(of: 10, steps: 3) == [0, 4, 9])
  }

  @Test func centredLiesInTheMiddleOfEachStride() throws {
    #expect(try Spacing.centred.timesteps(of: 1000, steps: 4) == [125, 375, 625, 875])
    #expect(try Spacing.centred.timesteps(of: 1000, steps: 30).last == 973)
  }

  @Test func sectionsAreCutEvenlyFromTheirFirstStepToTheirLast() throws {
    #expect(try Spacing.sections([3, 2]).timesteps(of: 10) == [0, 2, 4, 5, 9])
    // Seven steps in sections of 3, 2 and 2: the first takes what is left over. One keeps its first step, none nothing.
    #expect(try Spacing.sections([2, 0, 1]).timesteps(of: 7) == [0, 2, 5])
    // A stride of 2.5: halves go to the even step.
    #expect(try Spacing.sections([5]).timesteps(of: 11) == [0, 2, 5, 8, 10])
  }

  @Test func ddimTakesTheSmallestWholeStrideThatFits() throws {
    #expect(try Spacing.ddim(4).timesteps(of: 10) == [0, 3, 6, 9])
    #expect(try Spacing.ddim(25).timesteps(of: 4000).last == 24 * 160)
  }

  @Test(arguments: [Spacing.trailing, .leading, .linspace, .centred, .quadratic, .sections([100]), .ddim(100)])
  func everyStepIsKeptOnceWhenAllAreAsked(spacing: Spacing) throws {
    #expect(try spacing.timesteps(of: 100) == Array(0..<100))
    #expect(try Spacing.linspace.timesteps(of: 1) == [0])
  }

  @Test(arguments: [
    "trailing", "leading", "leading+1", "linspace", "centred", "quadratic", "10,15,20", "250", "ddim50", "at:999,500,0", "karras",
    "exponential", "polyexponential", "karras:rho=5", "polyexponential:rho=2.5,sigma_min=0.1", "exponential:sigma_min=0.1,sigma_max=9",
  ])
  func aSpacingIsReadAndWrittenAlike(text: String) throws {
    let spacing = try Spacing(text)
    #expect(spacing.description == text)
    #expect(try JSONDecoder().decode([Spacing].self, from: JSONEncoder().encode([spacing])) == [spacing])
  }

  @Test(arguments: [
    "", "ten", "ddimx", "ddim", "10,,5", "10,-5", "trailing ", "1.5", "at:", "at:1,x", "leading+", "leading-1", "Karras",
    "9223372036854775807,1", "100001", "leading+9223372036854775807", "ddim100001", "at:100001",
  ])
  func aSpacingThatCannotBeReadIsRefusedWithTheChoices(text: String) {
    let error = #expect(throws: DiffusionError.unknownSpacing(text)) { try Spacing(text) }
    #expect(error.map { "\($0)".contains("trailing, leading, linspace, centred") } == true)
  }

  @Test(arguments: ["karras:", "karras:5", "karras:rho=0", "karras:rho=nan", "exponential:rho=2", "karras:sigma_min=2,sigma_max=1"])
  func anOptionThatAGridDoesNotHaveIsRefusedWithThoseThatItHas(text: String) {
    let error = #expect(throws: DiffusionError.self) { try Spacing(text) }
    #expect(error.map { "\($0)".contains("sigma_m") && "\($0)".contains("option") } == true, "\(error.map { "\($0)" } ?? "-")")
  }

  @Test(
    arguments: [
      (Spacing.sections([11]), 10, nil, "is 10"), (.sections([200, 10, 10]), 300, nil, "is 100,10,10"),
      (.sections([4, 4]), 7, nil, "is 4,3"), (.sections([0, 0]), 7, nil, "is 1"), (.ddim(300), 1000, nil, "is ddim334"),
      (.ddim(1), 1000, nil, "is ddim2"), (.ddim(2000), 1000, nil, "is ddim1000"), (.trailing, 10, 11, "is 10 steps (sampling.steps)"),
      (.leading, 10, 0, "is 1 step (sampling.steps)"), (.linspace, 10, 1, "is 2 steps (sampling.steps)"),
      (.centred, 1000, 300, "is 333 steps (sampling.steps)"),
      (.quadratic, 10, 1, "is 2 steps (sampling.steps)"), (.quadratic, 10, 12, "is 10 steps (sampling.steps)"),
      (.leadingOffset(1), 10, 10, "is 9 steps (sampling.steps)"),
      (.leadingOffset(99), 10, 2, "is leading+9 with 1 step"), (.at([5, 3, 3, 0]), 10, nil, "is at:5,3,0"),
      (.at([5, 0, 3]), 10, nil, "is at:5,3,0"), (.at([1000, 500, 0]), 1000, nil, "is at:999,500,0"), (.at([]), 10, nil, "is at:9"),
    ] as [(Spacing, Int, Int?, String)]) func anImpossibleRequestNamesTheNearestPossibleOne(
      spacing: Spacing, total: Int, steps: Int?, nearest: String
    )
  {
    let error = #expect(throws: DiffusionError.self) { try spacing.timesteps(of: total, steps: steps) }
    #expect(error.map { "\($0)".hasSuffix(nearest) } == true, "\(error.map { "\($0)" } ?? "-")")
  }

  @Test func aCountThatContradictsTheSpacingIsRefused() throws {
    #expect(throws: DiffusionError.stepsDisagree(spacing: "ddim50", takes: 50, asked: 20)) {
      try Spacing.ddim(50).timesteps(of: 1000, steps: 20)
    }
    #expect(try Spacing.sections([10, 10]).timesteps(of: 1000, steps: 20).count == 20)
  }
}
