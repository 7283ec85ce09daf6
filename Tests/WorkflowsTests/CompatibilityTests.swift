import Checkpoints
import Foundation
import Imaging
import Models
import Tensors
import TestSupport
import Testing

@testable import Workflows

/// Files written by 0.1.0; see `Tests/Fixtures/0.1.0/README.md` for the commands.
@Suite("Files of 0.1.0") struct CompatibilityTests {
  let fixtures = Fixture.folder.appendingPathComponent("0.1.0").path
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A copy of the run, which a test may resume.
  private func run() throws -> String {
    let copy = "\(folder.path)/run"
    try FileManager.default.copyItem(atPath: "\(fixtures)/run", toPath: copy)
    return copy
  }

  private func sample(_ model: String, seed: UInt64 = 3) throws -> [Int] {
    let request = request(10) { ($0.model, $0.seed) = (model, seed) }
    return try SamplingJob(request).finish().flatMap(\.bytes).map(Int.init)
  }

  private func stored(_ name: String) throws -> [Int] { try NPY.read("\(fixtures)/\(name)", array: "arr_0").ints() }

  private func largestDifference(_ a: [Int], _ b: [Int]) -> Int {
    #expect(a.count == b.count && a.count == 640)
    return zip(a, b).map { abs($0 - $1) }.max() ?? .max
  }

  // Rounding differs between processors, by about 1e-6 of the range in six steps: a value halfway between two bytes may round to
  // either.
  private let tolerance = 1

  // MARK: Models

  @Test func modelSamplesTheImagesOfItsVersion() throws {
    let images = try sample("\(fixtures)/model.safetensors")
    #expect(try largestDifference(images, stored("model-samples.npz")) <= tolerance)
  }

  /// Shows that the comparison above can fail.
  @Test func imagesOfAnotherSeedOrModelDiffer() throws {
    let expected = try stored("model-samples.npz")
    #expect(try largestDifference(sample("\(fixtures)/model.safetensors", seed: 4), expected) > 50 * tolerance)
    #expect(try largestDifference(sample(run()), expected) > tolerance)
  }

  @Test func modelKeepsItsProvenance() throws {
    var expected = Provenance(step: 260, images: 4160, seed: 0)
    (expected.sfumato, expected.libtorch) = ("0.1.0", "2.13.0")
    #expect(try Model(file: "\(fixtures)/model.safetensors").provenance == expected)
  }

  /// Later versions may add keys, but not drop or change stored ones.
  @Test(arguments: ["model.safetensors", "restoration.safetensors"])
  func everyLineOfTheStoredRecipeIsDecodedAndKept(file: String) throws {
    let stored = try #require(Safetensors.read("\(fixtures)/\(file)").metadata["sfumato.recipe"])
    let kind = try ModelKind(ofRecipe: stored, file: file)
    let printed = try kind.description.init(yaml: stored, file: file).yaml()
    let lines = Set(printed.split(separator: "\n"))
    #expect(stored.split(separator: "\n").filter { !lines.contains($0) } == [])
    #expect(kind == (file == "model.safetensors" ? .denoiser : .superResolution))
  }

  @Test func restorationModelStillFitsItsNetwork() throws {
    let path = "\(fixtures)/restoration.safetensors"
    let file = try ModelFile(path, expecting: .superResolution)
    let recipe = try SuperResolutionModelRecipe(yaml: file.recipe, file: path)
    #expect(recipe.corruptionNames.count == 2 && [recipe.smallHeight, recipe.data.height] == [8, 16])
    let network = try recipe.adapted().makeNetwork(using: .shapes)
    try file.fill(network, recipe, on: .cpu)
    #expect(network.stateDict().elementCount > 10_000)
  }

  // MARK: The run

  @Test func runSamplesTheImagesOfItsVersion() throws {
    #expect(try largestDifference(sample(run()), stored("run-samples.npz")) <= tolerance)
  }

  @Test func resumedRunMatchesTheUninterruptedOne() throws {
    let path = try run()
    let job = try TrainingJob(resuming: path)
    #expect(job.position.step == 250)
    while try job.next() != nil {}
    #expect(job.position.step == 260 && job.position.images == 4160)
    let start = try weights("run/checkpoints/000000250/weights.safetensors")
    let expected = try weights("uninterrupted-weights.safetensors")
    let resumed = try numbers("\(path)/checkpoints/000000260/weights.safetensors")
    // On the original machine the bytes are equal. Elsewhere rounding affects AdamW's updates for gradients that are zero up to
    // rounding (the key bias of attention), by up to the learning rate per step: a few weights of 13 thousand.
    #expect(distance(resumed, expected) < 0.02 * distance(start, expected))
  }

  /// Shows that the comparison above can fail, because the moments are read from the file.
  @Test func runWithoutMomentsDiffersFromIt() throws {
    let path = try run(), file = "\(path)/checkpoints/000000250/optimizer.safetensors"
    let contents = try Safetensors.read(file)
    let zeros = StateDict(contents.state.entries.map { ($0.name, $0.tensor * 0) })
    try Safetensors.write(zeros, metadata: contents.metadata, to: file)
    let job = try TrainingJob(resuming: path)
    while try job.next() != nil {}
    let start = try weights("run/checkpoints/000000250/weights.safetensors")
    let expected = try weights("uninterrupted-weights.safetensors")
    let resumed = try numbers("\(path)/checkpoints/000000260/weights.safetensors")
    #expect(distance(resumed, expected) > 0.1 * distance(start, expected))
  }

  private func weights(_ name: String) throws -> [Float] { try numbers("\(fixtures)/\(name)") }

  /// All numbers in a tensor file, in the order of names.
  private func numbers(_ path: String) throws -> [Float] {
    let entries = try Safetensors.read(path).state.entries.sorted { $0.name < $1.name }
    return try entries.flatMap { try $0.tensor.floats() }
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    #expect(a.count == b.count && a.count > 10_000)
    return zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
  }
}
