import NN
import RecipeKit
import Tensors

/// The UNet of Dhariwal and Nichol 2021, "Diffusion Models Beat GANs on Image Synthesis" (ADM), under the state-dict names
/// of guided-diffusion.
///
/// Every input block's output is kept and joined to the output block that mirrors it. Convolutions run channels-last.
public final class ADMUNet: DiffusionNetwork {
  public let recipe: Recipe
  let timeIn: Linear, timeOut: Linear
  let labelEmb: Embedding?
  let inputBlocks: [[any UNetLayer]]
  let middleBlock: [any UNetLayer]
  let outputBlocks: [[any UNetLayer]]
  let outNorm: GroupNorm, outConv: Conv2d
  /// Set in a copy for inference.
  private var preparedDType: DType?

  public enum StateKeys: String, CaseIterable {
    case timeIn = "time_embed.0", timeOut = "time_embed.2", outNorm = "out.0", outConv = "out.2"
  }

  /// - Throws: `RecipeError` for a recipe that does not hold.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let plan = try recipe.plan()
    let width = plan.embedding
    timeIn = Linear(recipe.modelChannels, width, using: initializer)
    timeOut = Linear(width, width, using: initializer)
    labelEmb = recipe.numClasses.map { Embedding($0, width, using: initializer) }
    func make(_ layers: [UNetPlan.Layer]) throws -> [any UNetLayer] {
      try layers.map { try $0.make(recipe, embedding: width, using: initializer) }
    }
    inputBlocks = try plan.input.map(make)
    middleBlock = try make(plan.middle)
    outputBlocks = try plan.output.map(make)
    outNorm = GroupNorm(plan.outputChannels, using: initializer)
    outConv = Conv2d(plan.outputChannels, recipe.resolvedOutChannels, using: initializer)
    try outConv.zero()
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    trace(x, timesteps: timesteps, conditioning: conditioning, mode: mode) { _, _ in }
  }

  /// The forward pass, which shows every block's output to `observe` under the block's name.
  package func trace(
    _ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode, observe: (String, Tensor) -> Void
  ) -> Tensor {
    if let refusal = refusal(of: x, timesteps, conditioning.labels) { return refusal }
    let emb = embed(timesteps, conditioning.labels)
    func run(_ block: [any UNetLayer], _ x: Tensor, _ name: @autoclosure () -> String) -> Tensor {
      let y = block.reduce(x) { h, layer in layer(h, emb, mode: mode) }.arising(in: name())
      observe(name(), y)
      return y
    }
    var h = x.to(preparedDType ?? .float32).channelsLast()
    var skips: [Tensor] = []
    for (i, block) in inputBlocks.enumerated() {
      h = run(block, h, "input_blocks.\(i)")
      skips.append(h)
    }
    h = run(middleBlock, h, "middle_block")
    for (i, block) in outputBlocks.enumerated() { h = run(block, .cat([h, skips.removeLast()], dim: 1), "output_blocks.\(i)") }
    return outConv(outNorm(h, activation: .silu)).arising(in: "out").to(.float32)
  }

  /// The time embedding, plus the class's: `[N, 4 × model_channels]` float32.
  private func embed(_ timesteps: Tensor, _ labels: Tensor?) -> Tensor {
    let time = timeOut(silu(timeIn(timestepEmbedding(timesteps, dimension: recipe.modelChannels)))).arising(in: "time_embed")
    guard let labelEmb, let labels else { return time }
    return (time + labelEmb(labels)).arising(in: "label_emb")
  }

  private func refusal(of x: Tensor, _ timesteps: Tensor, _ labels: Tensor?) -> Tensor? {
    if let failed = [x, timesteps, labels].compactMap({ $0 }).first(where: { $0.fault != nil }) { return failed }
    let step = recipe.sizeStep
    if x.rank != 4 || x.size(1) != recipe.resolvedInChannels {
      return x.failed("adm_unet", "expected images [N, \(recipe.resolvedInChannels), H, W], found \(x.shape)")
    }
    if x.size(2) % step != 0 || x.size(3) % step != 0 {
      return x.failed("adm_unet", "height and width must be multiples of \(step), found \(x.size(2)) x \(x.size(3))")
    }
    if (labelEmb == nil) != (labels == nil) {
      return x.failed("adm_unet", labelEmb == nil ? "this network has no classes, but labels were given" : "this network needs labels")
    }
    for (name, row) in [("timesteps", timesteps), ("labels", labels ?? timesteps)] where row.shape != [x.size(0)] {
      return x.failed("adm_unet", "expected \(name) of shape [\(x.size(0))], one an image, found \(row.shape)")
    }
    return nil
  }

  public func prepared(for dtype: DType) throws -> Self {
    if let preparedDType {
      throw TorchFault(
        operation: "prepared", message: "the network is prepared for \(preparedDType) already; prepare the one it was made from")
    }
    let copy = try Self(recipe, using: .shapes)
    for ((_, to), (_, from)) in zip(copy.state(), state()) {
      if case .parameter(let parameter) = to { parameter.replace(with: from.value.detach()) }
    }
    for (_, module) in copy.modules() { try (module as? any Preparable)?.prepare(for: dtype) }
    copy.preparedDType = dtype
    return copy
  }
}

extension Conv2d {
  /// Starts from zero, so that a residual branch begins as nothing.
  func zero() throws(TorchFault) {
    for parameter in [weight, bias].compactMap({ $0 }) where parameter.value.device != .meta {
      try parameter.assign(.zeros(like: parameter.value))
    }
  }
}
