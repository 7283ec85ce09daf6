import Foundation
import Testing

@testable import RecipeKit

/// A list of choices, and a choice that need not be made.
private struct Chain: Recipe {
  var steps: [Choice<StepRegistry>] = [], last: Choice<StepRegistry>?
}

private struct Blur: NamedRecipe {
  static let name = "blur"
  var sigmaAtMost = 3.0, window = Window()

  func validate() throws(RecipeError) {
    try require(sigmaAtMost > 0, "sigma_at_most", "expected more than 0, found \(sigmaAtMost)")
  }
}

private struct Window: Recipe { var low = 0.0, high = 1.0 }
private struct Grey: NamedRecipe { static let name = "grey" }

private enum StepRegistry: RecipeRegistry {
  typealias Member = any NamedRecipe
  static let all: [any NamedRecipe.Type] = [Blur.self, Grey.self]
}

@Suite("Lists of choices") struct ListsOfChoicesTests {
  private func problem(_ yaml: String, set: [String] = []) -> String {
    do throws(RecipeError) { _ = try Chain(yaml: yaml, file: "r.yaml", set: set) } catch { return error.description }
    return ""
  }

  @Test func eachElementStartsFromItsTypesDefaultsAndKeepsTheOrder() throws {
    let chain = try Chain(yaml: "steps:\n  - grey\n  - { type: blur, window: { high: 0.5 } }\n  - type: blur\n    sigma_at_most: 7\n")
    #expect(chain.steps.map(\.type) == ["grey", "blur", "blur"])
    let blurs = chain.steps.compactMap { $0.recipe as? Blur }
    #expect(blurs.map(\.sigmaAtMost) == [3, 7])
    #expect(blurs.map(\.window.high) == [0.5, 1] && blurs.map(\.window.low) == [0, 0])
  }

  @Test func aLaterListReplacesTheEarlierOne() throws {
    let chain = try Chain(yaml: "steps: [grey, blur]", set: ["steps=[{ type: blur, sigma_at_most: 2 }]"])
    #expect(chain.steps.compactMap { ($0.recipe as? Blur)?.sigmaAtMost } == [2] && chain.steps.count == 1)
  }

  @Test func aChoiceThatIsNilByDefaultCanBeMadeAndOverridden() throws {
    #expect(try Chain(yaml: "steps: []").last == nil)
    let chain = try Chain(yaml: "last: blur", set: ["last.sigma_at_most=9"])
    #expect((chain.last?.recipe as? Blur)?.sigmaAtMost == 9)
    #expect(try chain.overlaid(yaml: "last: { window: { low: 0.25 } }").last.flatMap { $0.recipe as? Blur }?.sigmaAtMost == 9)
  }

  @Test func whatIsPrintedDecodesToTheSameList() throws {
    var chain = Chain()
    chain.steps = [Choice(Grey()), Choice(Blur(sigmaAtMost: 0.5, window: Window(low: 0.1)))]
    chain.last = Choice(Blur())
    let text = """
      steps:
        - type: grey
        - type: blur
          sigma_at_most: 0.5
          window:
            low: 0.1
            high: 1.0
      last:
        type: blur
        sigma_at_most: 3.0
        window:
          low: 0.0
          high: 1.0

      """
    #expect(chain.yaml() == text)
    #expect(try Chain(yaml: text).yaml() == text)
  }

  @Test func anotherCodersListDecodesToTheSame() throws {
    var chain = Chain()
    chain.steps = [Choice(Grey()), Choice(Blur(sigmaAtMost: 0.5))]
    #expect(try JSONDecoder().decode(Chain.self, from: JSONEncoder().encode(chain)).yaml() == chain.yaml())
  }

  @Test(arguments: [
    ("steps: [grey,\n  blurr]", "r.yaml:2: unknown type 'blurr' in 'steps[1]'; did you mean 'blur'?"),
    ("steps:\n  - { sigma_at_most: 2 }", "r.yaml:2: steps[0]: key 'type' is missing; expected one of blur, grey"),
    ("steps:\n  - grey\n  -\n", "r.yaml:3: steps[1]: key 'type' is missing; expected one of blur, grey"),
    ("steps:\n  - [grey]", "r.yaml:2: steps[0]: expected blur or a section such as { type: blur }, found a list"),
    ("steps: grey", "r.yaml:1: steps: expected a list such as [1, 2], found 'grey'"),
    ("last: { window: { low: 1 } }", "r.yaml:1: last: key 'type' is missing; expected one of blur, grey"),
  ])
  func anElementThatNamesNoTypeIsRefusedWithItsPlace(yaml: String, expected: String) {
    #expect(problem(yaml) == expected)
  }

  @Test func problemsInsideAnElementNameItsPath() {
    #expect(problem("steps:\n  - grey\n  - { type: blur, sigma: 2 }").hasPrefix("r.yaml:3: unknown key 'sigma' in 'steps[1]'"))
    #expect(
      problem("steps:\n  - type: blur\n    sigma_at_most: wide")
        == "r.yaml:3: steps[0].sigma_at_most: expected a number, found 'wide'")
    #expect(
      problem("steps:\n  - grey\n  - type: blur\n    sigma_at_most: 0")
        == "r.yaml:4: steps[1].sigma_at_most: expected more than 0, found 0.0")
  }
}
