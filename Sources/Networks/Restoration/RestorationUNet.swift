import NN
import RecipeKit
import Tensors

/// A small UNet that restores pictures of any size. It reads the noisy image, the degraded picture at the size of the result, a high-pass of
/// that picture, and the strength of each corruption as a constant plane.
///
/// What a pixel becomes depends on a bounded neighbourhood: blocks of `patch_size` × `patch_size` pixels become channels, norms run over
/// the channels of each pixel, and there is no attention. A picture restored in overlapping tiles is therefore the picture restored as
/// a whole.
public final class RestorationUNet: DiffusionNetwork, PreparedOnce {
  public let recipe: Recipe
  let timeIn: Linear, timeOut: Linear
  let convIn: Conv2d
  let encoder: [RestorationLevel]
  let middle: [PixelNormBlock]
  /// The decoder's levels, from the lowest resolution to the highest.
  let decoder: [RestorationLevel]
  let normOut: PixelNorm, convOut: Conv2d
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  public enum StateKeys: String, CaseIterable { case timeIn = "time_in", timeOut = "time_out" }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let width = recipe.embeddingWidth, levels = recipe.channelMult.indices
    let channels = recipe.channelMult.map { $0 * recipe.modelChannels }
    timeIn = Linear(recipe.modelChannels, width, using: initializer)
    timeOut = Linear(width, width, using: initializer)
    convIn = Conv2d(recipe.stackedChannels, recipe.modelChannels, using: initializer)
    var current = recipe.modelChannels, skips = [current]
    encoder = try levels.map { level in
      let inputs = (0..<recipe.numResBlocks).map { $0 == 0 ? current : channels[level] }
      current = channels[level]
      skips += inputs.map { _ in current } + (level < levels.upperBound - 1 ? [current] : [])
      return try RestorationLevel(
        inputs, current, embedding: width, resampling: level < levels.upperBound - 1 ? .down : .none, using: initializer)
    }
    middle = try (0..<2).map { _ in try PixelNormBlock(current, current, embedding: width, using: initializer) }
    decoder = try levels.reversed().map { level in
      let inputs = (0...recipe.numResBlocks).map { ($0 == 0 ? current : channels[level]) + skips.removeLast() }
      current = channels[level]
      return try RestorationLevel(inputs, current, embedding: width, resampling: level > 0 ? .up : .none, using: initializer)
    }
    normOut = PixelNorm(current, using: initializer)
    convOut = Conv2d(current, recipe.patchSize * recipe.patchSize * recipe.resolvedOutChannels, using: initializer)
    try convOut.zero()
  }

  /// - Parameter conditioning: with `lowRes` of the images' size; without `corruptionStrengths` all are 0.
  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    if let problem = recipe.inputs.problem(with: x, timesteps, conditioning) { return problem }
    guard let picture = conditioning.lowRes else { return x }
    guard picture.shape == x.shape else {
      return x.failed(Recipe.name, "expected degraded pictures of the images' shape \(x.shape), found \(picture.shape)")
    }
    let emb = silu(timeOut(silu(timeIn(timestepEmbedding(timesteps, dimension: recipe.modelChannels)))))
    let stacked = stacked(x, picture, conditioning.corruptionStrengths).padded(toMultiplesOf: recipe.sizeStep)
    let folded = stacked.pixelUnshuffle(recipe.patchSize).to(preparedDType ?? .float32).channelsLast()
    let y = convOut(normOut(trunk(folded, emb.arising(in: "time_embedding")))).arising(in: "conv_out")
    return y.to(.float32).pixelShuffle(recipe.patchSize).cropped(toSizeOf: x)
  }

  private func trunk(_ x: Tensor, _ emb: Tensor) -> Tensor {
    var h = convIn(x).arising(in: "conv_in"), skips = [h]
    for (index, level) in encoder.enumerated() { h = level.encode(h, emb, skips: &skips).arising(in: "encoder.\(index)") }
    for (index, block) in middle.enumerated() { h = block(h, emb).arising(in: "middle.\(index)") }
    for (index, level) in decoder.enumerated() { h = level.decode(h, emb, skips: &skips).arising(in: "decoder.\(index)") }
    return h
  }

  /// The network's whole input, `[N, 3 C + F, H, W]`.
  private func stacked(_ x: Tensor, _ picture: Tensor, _ strengths: Tensor?) -> Tensor {
    var parts = [x, picture, Self.highPass(picture)]
    let (n, height, width) = (x.size(0), x.size(2), x.size(3)), count = recipe.resolvedNumCorruptions
    if count > 0 {
      let strengths = strengths ?? .zeros([n, count], dtype: x.dtype, on: x.device)
      parts.append(strengths.to(x.dtype).unsqueeze(-1, -1).expand(-1, -1, height, width))
    }
    return .cat(parts, dim: 1)
  }

  /// 16 (u − binomial u), the binomial filter [1 4 6 4 1]² / 256: of about the scale of the residual that is to be estimated. Without it the
  /// first evaluation, from noise alone, learns nothing for thousands of steps.
  static func highPass(_ picture: Tensor) -> Tensor {
    let taps: [Float] = [1, 4, 6, 4, 1]
    let kernel = Tensor(taps.flatMap { row in taps.map { row * $0 / 256 } }, [1, 1, 5, 5]).to(like: picture)
    let planes = picture.contiguous().reshape(picture.size(0) * picture.size(1), 1, picture.size(2), picture.size(3))
    let smooth = planes.pad(top: 2, bottom: 2, left: 2, right: 2, with: .replicate).conv2d(kernel)
    return 16 * (picture - smooth.reshape(picture.shape))
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}
