import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

// What a run does, settled before anything is computed.
extension Restorer {
  static func check(_ settings: Settings) throws {
    if let evaluations = settings.evaluations, !(1...1000).contains(evaluations) {
      throw SfumatoError(.usage, "the number of evaluations must be 1 to 1000, not \(evaluations)")
    }
    guard (0...1).contains(settings.detail) else {
      throw SfumatoError(.usage, "the detail must be 0 (the mean) to 1 (a sample), not \(settings.detail)")
    }
    if let tile = settings.tile, !(32...8192).contains(tile) {
      throw SfumatoError(.usage, "the tile must be 32 to 8192 pixels, not \(tile)")
    }
    if let overlap = settings.overlap, !(0...4096).contains(overlap) {
      throw SfumatoError(.usage, "the overlap must be 0 to 4096 pixels, not \(overlap)")
    }
  }

  /// The sampler on its way.
  /// - Parameter evaluations: at most; nil for the model's own steps.
  static func path(_ method: any RestorationMethod, evaluations: Int?) throws -> StepReplay {
    let recipe = method.recipe, diffusion = method.diffusion, sampler = recipe.sampler.member, scale = diffusion.process.noiseLevelRange,
      window = recipe.sampling.window
    func replay(_ levels: [NoiseLevel]) throws -> StepReplay {
      if let problem = diffusion.problem(with: sampler, on: levels, window: window) { throw problem }
      return StepReplay(sampler, levels: levels, scale: scale, window: window)
    }
    guard let evaluations else { return try replay(recipe.sampling.levels(of: diffusion.process)) }
    // Whatever the spacing: from the noisiest level straight to the picture.
    guard evaluations > 1 else { return try replay([diffusion.process.level(diffusion.process.steps - 1), .clean]) }
    func steps(_ count: Int) throws -> StepReplay {
      var sampling = recipe.sampling
      sampling.steps = count
      do { return try replay(sampling.levels(of: diffusion.process, stepsAreAsked: true)) } catch let error as DiffusionError {
        throw SfumatoError(.usage, "\(evaluations) evaluations: \(error)")
      }
    }
    let taken = try steps(max(1, evaluations / type(of: sampler).evaluationsPerStep))
    // Steps out of pure noise take one evaluation, so that there may be room for another one.
    guard type(of: sampler).evaluationsPerStep > 1, let more = try? steps(taken.needs.count + 1),
      more.needs.map(\.levels.count).reduce(0, +) <= evaluations
    else { return taken }
    return more
  }

  /// The tiles' side and overlap, and the bytes that a pass over a batch of them takes.
  static func layout(
    _ method: any RestorationMethod, _ settings: Settings
  ) throws -> (tile: Int, overlap: Int, activations: Int) {
    let step = method.tiles.step, reach = method.tiles.reach
    let smallest = smallestTile.rounded(upTo: step)
    var tile = (settings.tile ?? (reach == nil ? method.tiles.trainedSide : 256)).rounded(upTo: step)
    var activations = try activations(method, settings.precision, side: tile)
    // Norms over the whole tile know the size of their training alone.
    while settings.tile == nil, reach != nil, tile > smallest, activations > AvailableMemory.bytes / 10 * 6 {
      tile = max((tile / 2).rounded(upTo: step), smallest)
      activations = try self.activations(method, settings.precision, side: tile)
    }
    let exact = reach.map { (2 * $0 + 16).rounded(upTo: step) } ?? .max
    let usual = reach == nil ? tile / 4 : exact <= tile / 4 ? exact : tile / 8
    let overlap = settings.overlap?.rounded(upTo: step) ?? usual / step * step
    guard overlap <= tile / 2 else {
      throw SfumatoError(.usage, "an overlap of \(overlap) pixels in tiles of \(tile); expected half a tile at most")
    }
    return (tile, overlap, activations)
  }
}
