import NN
import Tensors

/// A whole UNet under one system's names, for images of any size: the encoder, and a decoder whose blocks read the level below
/// and the skip connection of the input block that mirrors them.
final class UNetTrunk<Names: UNetNames>: Module {
  typealias StateKeys = Names.Trunk

  let encoder: UNetEncoder<Names>
  let outputBlocks: [[any UNetLayer]]
  let norm: GroupNorm, conv: Conv2d
  private let sizeStep: Int

  init(_ recipe: ADMUNet.Recipe, using initializer: Initializer) throws {
    let plan = try recipe.plan()
    encoder = try UNetEncoder(recipe, plan, using: initializer)
    outputBlocks = try plan.output.map { try $0.map { try $0.make(recipe, Names.self, using: initializer) } }
    norm = recipe.normalization.make(plan.outputChannels, using: initializer)
    conv = Conv2d(plan.outputChannels, recipe.resolvedOutChannels, using: initializer)
    try conv.zero()
    sizeStep = recipe.sizeStep
  }

  /// - Parameters:
  ///   - x: all that the network reads at each pixel, `[N, C, H, W]`.
  ///   - observe: receives every block's output, of images padded to the next size that the network can halve.
  /// - Returns: `[N, C', H, W]` float32.
  func callAsFunction(
    _ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode, observe: BlockObserver = { _, _ in }
  ) -> Tensor {
    let emb = encoder.embed(timesteps, conditioning)
    var (skips, h) = encoder(x.padded(toMultiplesOf: sizeStep), emb, mode: mode, observe: observe)
    for (i, block) in outputBlocks.enumerated() {
      h = run(block, .cat([h, skips.removeLast()], dim: 1), emb, mode: mode, name: "\(Names.outputBlocks).\(i)", observe)
    }
    return conv(norm(h, activation: .silu)).arising(in: "out").cropped(toSizeOf: x).to(.float32)
  }
}
