import Testing

@testable import Diffusion

@Suite("Zero terminal SNR") struct ZeroTerminalSNRTests {
  @Test(arguments: ["linear", "scaled_linear", "cosine", "sigmoid", "edm"], [TablePrecision.float64, .float32])
  func endsInPureNoiseAndBeginsAsBefore(name: String, tables: TablePrecision) throws {
    let schedule = "schedule: { type: \(name) }\ntables: \(tables.rawValue)"
    let before = try ProcessRecipe(yaml: schedule).makeDiffusion().process
    let after = try ProcessRecipe(yaml: schedule + "\nrescale_betas_zero_snr: true").makeDiffusion().process
    #expect(after.alphaBar.last == 0)
    #expect(after.betas.last == 1)
    // A few roundings of numbers near 1.
    let rounding = tables == .float64 ? 1e-15 : 3e-7
    #expect(abs(after.alphaBar[0] - before.alphaBar[0]) < rounding)
    #expect(zip(after.alphaBar, before.alphaBar).dropFirst().allSatisfy { $0 < $1 + rounding })
  }

  /// √ᾱ of 0.9, 0.7, 0.3 moved by 0.3 and stretched by 0.9 / 0.6: 0.9, 0.6, 0.
  @Test func rootsAreShiftedAndStretched() throws {
    let given = try DiscreteProcess(alphaBar: [0.81, 0.49, 0.09])
    let process = try DiscreteProcess(betas: zeroTerminalSNR(given.betas))
    #expect(zip(process.alphaBar, [0.81, 0.36, 0]).allSatisfy { abs($0 - $1) < 1e-15 })
  }

  @Test func whatEndsInPureNoiseStaysAsItIs() throws {
    let betas = [0.1, 0.2, 1]
    #expect(try zip(zeroTerminalSNR(betas), betas).allSatisfy { abs($0 - $1) < 1e-15 })
  }

  @Test func refusesOneStepAndBetasThatAreNone() {
    #expect(throws: DiffusionError.zeroTerminalSNROfOneStep) { try zeroTerminalSNR([0.5]) }
    #expect(throws: DiffusionError.noBetas) { try zeroTerminalSNR([Double]()) }
    #expect(throws: DiffusionError.betaOutOfRange(index: 1, value: 2)) { try zeroTerminalSNR([0.5, 2]) }
  }
}
