import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Losses") struct LossTests {
  let process = try! DiscreteProcess(betas: [0.1, 0.5, 0.2])
  let x0 = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 1)).clamp(-1...1)
  let noise = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 2))

  @Test func ofANetworkThatPredictsZeroIsTheMeanSquareOfTheTarget() throws {
    let terms = DenoisingLoss(process, .epsilon)(x0, at: [0, 2], noise: noise) { x, _ in .zeros(like: x) }
    let want = noise.square().meanPerImage()
    #expect(try distance(terms.perImage, want) < 1e-15)
    #expect(try abs(terms.mean.item() - want.mean().item()) < 1e-15)
    #expect(terms.variational == nil)
  }

  @Test(arguments: Parameterization.Name.allCases) func ofAPerfectNetworkIsZero(name: Parameterization.Name) throws {
    let parameterization = name.parameterization(in: process)
    let target = parameterization.target(x0: x0, noise: noise, at: process.levels([1, 2]))
    let terms = DenoisingLoss(process, parameterization)(x0, at: [1, 2], noise: noise) { _, _ in target }
    #expect(try terms.perImage.abs().max().item() == 0)
  }

  @Test func theNetworkSeesEachImageAtItsOwnLevel() throws {
    var seen = Tensor.zeros([1]), given: [Float] = []
    _ = DenoisingLoss(process, .epsilon)(x0, at: [0, 2], noise: noise) { x, timesteps in
      seen = x
      given = (try? timesteps.floats()) ?? []
      return x
    }
    #expect(given == [0, 2])
    #expect(try distance(seen.image(0), 0.9.squareRoot() * x0.image(0) + 0.1.squareRoot() * noise.image(0)) < 1e-15)
    #expect(try distance(seen.image(1), 0.6 * x0.image(1) + 0.8 * noise.image(1)) < 1e-15)
  }

  @Test func theWeightMultipliesTheError() throws {
    let terms = DenoisingLoss(process, .epsilon, weighting: MinSNRWeighting(gamma: 5))(x0, at: [0, 2], noise: noise) { x, _ in
      .zeros(like: x)
    }
    // Signal to noise 0.9 / 0.1 = 9 and 0.36 / 0.64.
    let want = Tensor([5.0 / 9, 1]) * noise.square().meanPerImage()
    #expect(try distance(terms.perImage, want) < 1e-14)
  }

  // MARK: Errors

  /// The loss of each image where all predictions are off by so much.
  func loss(_ objective: any LossObjective, off: Double) throws -> [Double] {
    try DenoisingLoss(process, .epsilon, objective: objective)(x0, at: [0, 2], noise: noise) { _, _ in noise + off }.perImage.doubles()
  }

  static let ofThree: [(any LossObjective, Double)] = [
    (SquaredError(), 9), (AbsoluteError(), 3), (HuberError(), 2.5), (HuberError(delta: 4), 4.5),
  ]
  @Test(arguments: ofThree) func ofAPredictionThatIsOffByThree(objective: any LossObjective, want: Double) throws {
    for off in [3.0, -3] { for value in try loss(objective, off: off) { #expect(abs(value - want) < 1e-12) } }
  }

  @Test(arguments: [(0.3, 0.3), (-0.3, -0.3), (0, 0), (5, 2), (-5, -2)]) func theGradientOfHuberIsTheErrorCutToDelta(
    difference: Double, want: Double
  ) throws {
    let x = Tensor([difference]).requiringGradient()
    #expect(try abs(HuberError(delta: 2)(x).sum().gradients(of: [x])[0]!.item() - want) < 1e-12)
  }

  // MARK: The hybrid loss

  /// The loss of a network that knows the noise and puts the variance at one place of its range.
  func hybrid(place: Double, at timesteps: [Int], weights: Tensor = .ones([1], dtype: .float64)) -> LossTerms {
    DenoisingLoss(process, .epsilon, variance: .learnedRange)(x0, at: timesteps, noise: noise) { x, _ in
      .cat([noise, weights * Tensor.full(2 * place - 1, like: x)], dim: 1)
    }
  }

  @Test func theBoundVanishesWhereMeanAndVarianceAreThoseOfThePosterior() throws {
    #expect(try hybrid(place: 0, at: [1, 2]).variational!.abs().max().item() < 1e-14)
  }

  @Test func theBoundOfTheLargeVarianceIsTheDivergenceOfTwoNormals() throws {
    let terms = hybrid(place: 1, at: [1, 2])
    let bits = [1, 2].map { t -> Double in
      let ratio = process.posteriorVariance[t] / process.betas[t]
      return 0.5 * (ratio - log(ratio) - 1) / log(2)
    }
    #expect(try distance(terms.variational!, Tensor(bits)) < 1e-13)
    #expect(try distance(terms.perImage, Tensor(bits) * 3 / 1000) < 1e-13)
  }

  @Test func theFirstTermIsTheProbabilityOfThePixels() throws {
    // Exactly the mean: 2 Φ(1 / 255 s) − 1 inside, Φ(1 / 255 s) at black and white.
    let image = Tensor([0.0, -1, 1, 0.5], [1, 1, 2, 2])
    let terms = process.variationalTerms(x0: image, xt: image, estimate: image, variance: .fixedSmall, at: [0])
    let z = 1 / 255 / process.posteriorVariance[1].squareRoot()
    let phi = 0.5 * (1 + erf(z / 2.0.squareRoot()))
    let want = -(2 * log(2 * phi - 1) + 2 * log(phi)) / 4 / log(2)
    // The tanh approximation of Φ is right to 3e-4.
    #expect(try abs(terms.item() - want) < 3e-4)
  }

  @Test func theBoundMovesTheVarianceAndNotTheMean() throws {
    let mean = (0.9 * noise).requiringGradient()
    let place = Tensor.full(0.3, like: noise).requiringGradient()
    let terms = {
      DenoisingLoss(process, .epsilon, variance: .learnedRange)(x0, at: [1, 2], noise: noise) { _, _ in .cat([mean, place], dim: 1) }
    }
    let whole = try terms().mean.gradients(of: [mean, place])
    let simple = try terms().error!.mean().gradients(of: [mean])
    #expect(try distance(whole[0]!, simple[0]!) == 0)
    #expect(try whole[1]!.abs().min().item() > 0)
  }

  // MARK: Objectives of the bound

  static let bounds: [(any LossObjective, Double)] = [(VariationalLoss(), 1), (RescaledVariationalLoss(), 3)]
  @Test(arguments: bounds) func ofTheBoundAloneIsTheBound(objective: any LossObjective, factor: Double) throws {
    let terms = DenoisingLoss(process, .epsilon, variance: .fixedLarge, objective: objective)(x0, at: [1, 2], noise: noise) { _, _ in
      noise
    }
    let bits = hybrid(place: 1, at: [1, 2]).variational!
    #expect(terms.error == nil)
    #expect(try distance(terms.perImage, factor * bits) < 1e-13)
  }

  @Test func ofTheBoundAloneMovesTheMean() throws {
    let mean = (0.9 * noise).requiringGradient()
    let loss = DenoisingLoss(process, .epsilon, objective: VariationalLoss())(x0, at: [1, 2], noise: noise) { _, _ in mean }
    #expect(try loss.mean.gradients(of: [mean])[0]!.abs().max().item() > 0)
  }

  static let factors: [(any LossObjective, Variance, Double)] = [
    (RescaledMSE(), .learnedRange, 0.003), (SquaredError(), .learnedRange, 1), (HybridLoss(), .learnedRange, 0.003),
    (HybridLoss(SquaredError(), boundScale: 0.1), .learnedRange, 0.3), (HybridLoss(), .fixedLarge, 0.003),
    (RescaledMSE(), .fixedLarge, 0), (SquaredError(), .fixedSmall, 0),
  ]
  @Test(arguments: factors) func theBoundCountsAsTheObjectiveSays(objective: any LossObjective, variance: Variance, factor: Double) throws {
    let output = 0.9 * noise
    let terms = DenoisingLoss(process, .epsilon, variance: variance, objective: objective)(x0, at: [1, 2], noise: noise) { _, _ in
      variance == .learnedRange ? .cat([output, output], dim: 1) : output
    }
    #expect((terms.variational == nil) == (factor == 0))
    #expect(try distance(terms.perImage, terms.error! + factor * (terms.variational ?? .zeros(like: terms.error!))) < 1e-14)
  }

  @Test func anErrorAloneCannotTrainALearnedVariance() {
    let problem = AbsoluteError().problem(variance: .learnedRange)
    #expect(problem?.contains("{ type: hybrid, error: l1 }") == true)
    #expect(AbsoluteError().problem(variance: .fixedSmall, weighting: MinSNRWeighting()) == nil)
    #expect(HybridLoss(AbsoluteError()).problem(variance: .learnedRange, weighting: MinSNRWeighting()) == nil)
  }

  @Test func theBoundIsNotWeightedAnew() {
    let problem = RescaledVariationalLoss().problem(variance: .fixedSmall, weighting: MinSNRWeighting())
    #expect(problem?.contains("min_snr would undo") == true)
    #expect(VariationalLoss().problem(variance: .learnedRange) == nil)
    #expect(VariationalLoss().problem(variance: .learned, timesteps: LossSecondMoment()) == nil)
    #expect(VariationalLoss().problem(variance: .learned, timesteps: LogNormalTimesteps())?.contains("log_normal would undo") == true)
    #expect(RescaledMSE().problem(variance: .learned, timesteps: LogNormalTimesteps()) == nil)
  }
}
