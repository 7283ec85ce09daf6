import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("DDIM's inversion") struct InversionTests {
  let images = Tensor.randn([2, 1, 4, 4], dtype: .float64, using: Generator(seed: 2)) * 0.5

  /// There and back over the same levels.
  func roundTrip(_ levels: [NoiseLevel], _ oracle: GaussianOracle) throws -> Double {
    let inversion = InversionRun(denoiser: oracle, levels: levels.reversed(), image: images)
    let run = SamplingRun(DDIM(), denoiser: oracle, levels: levels, start: try inversion.finish(), noise: BatchNoise(seed: Seed(1)))
    return try distance(run.finish(), images)
  }

  @Test func followsTheODEToFirstOrder() throws {
    let oracle = GaussianOracle(mean: 0.2)
    let error = { (steps: Int) in
      let levels = Array(smoothLevels(steps).reversed())
      let noise = try InversionRun(denoiser: oracle, levels: levels, image: images).finish()
      return try distance(noise, oracle.solution(images, from: levels.first!, to: levels.last!))
    }
    let order = try log2(error(80) / error(160))
    #expect(abs(order - 1) < 0.2, "observed order \(order)")
  }

  @Test func aRoundTripReturnsTheImagesToFirstOrder() throws {
    let oracle = GaussianOracle(mean: 0.2)
    let order = try log2(roundTrip(smoothLevels(80), oracle) / roundTrip(smoothLevels(160), oracle))
    #expect(abs(order - 1) < 0.2, "observed order \(order)")
    #expect(try roundTrip(smoothLevels(160), oracle) > 1e-4)
  }

  /// The references' round trip, from clean images taken as images of the cleanest level to pure noise taken as the noisiest.
  @Test(arguments: [25, 50, 100]) func aRoundTripOverAProcessErrsByLessThanEightOverItsSteps(steps: Int) throws {
    let bound = 8 / Double(steps)
    let process = try DiscreteProcess(betas: LinearSchedule().makeBetas()).respaced(.trailing, steps: steps)
    let levels = process.samplingLevels, oracle = GaussianOracle(mean: 0.2)
    let noise = try InversionRun(denoiser: oracle, levels: levels.inverted, image: images).finish()
    let back = try SamplingRun(DDIM(), denoiser: oracle, levels: levels, start: noise, noise: BatchNoise(seed: Seed(1))).finish()
    #expect(try distance(back, images) < bound)
    // What comes out is noise: that of the data, standardised.
    #expect(try distance(noise, (images - 0.2) / 0.5) < bound)
  }

  /// Each correction divides the error by what a step changes of the denoiser's estimates, here by about three.
  @Test func correctionsBringTheRoundTripBackMoreAndMoreExactly() throws {
    let levels = Array(smoothLevels(20).reversed()), oracle = GaussianOracle(mean: 0.2)
    let errors = try [0, 1, 2, 8].map { corrections in
      let inversion = InversionRun(denoiser: oracle, levels: levels, image: images, corrections: corrections)
      let run = SamplingRun(
        DDIM(), denoiser: oracle, levels: levels.reversed(), start: try inversion.finish(), noise: BatchNoise(seed: Seed(1)))
      return try distance(run.finish(), images)
    }
    #expect(errors[1] < errors[0] / 3 && errors[2] < errors[1] / 3 && errors[3] < 1e-6, "\(errors)")
  }

  @Test func visitsTheLevelsOfSamplingUpwardsAndThenPureNoise() throws {
    let process = try DiscreteProcess(betas: CosineSchedule(steps: 5).makeBetas())
    #expect(process.samplingLevels.inverted.map(\.timestep) == [0, 1, 2, 3, 4, 4])
    #expect(process.samplingLevels.inverted.last?.alpha == 0)
    #expect(try zeroTerminalProcess(5).samplingLevels.inverted.map(\.timestep) == [0, 1, 2, 3, 4])
  }

  @Test func isPulledWithPreviews() throws {
    let levels = Array(smoothLevels(3).reversed())
    let run = InversionRun(denoiser: GaussianOracle(), levels: levels, image: images.to(.float32))
    var steps: [SamplingStep] = []
    while let step = try run.next() { steps.append(step) }
    #expect(steps.map(\.index) == [0, 1, 2])
    #expect(steps.map(\.level) == Array(levels.dropFirst()))
    #expect(try distance(steps[0].x0, GaussianOracle().predict(images, at: levels[0]).x0) < 1e-6)
    #expect(try distance(run.x, steps[2].x) == 0)
    #expect(run.x.isChannelsLast)
  }

  @Test func levelsThatDoNotAscendAreRefused() throws {
    for levels in [smoothLevels(3), [NoiseLevel.clean] + smoothLevels(3).reversed()] {
      let run = InversionRun(denoiser: GaussianOracle(), levels: levels, image: images)
      #expect(throws: TorchFault.self) { try run.next() }
    }
  }

  @Test func aFaultOfTheDenoiserIsThrown() {
    let run = InversionRun(denoiser: BrokenDenoiser(), levels: smoothLevels(3).reversed(), image: images)
    #expect(throws: BrokenDenoiser.fault) { try run.next() }
  }
}
