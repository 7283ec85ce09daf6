import NN
import RecipeKit
import Tensors

/// An encoder of short texts into context vectors, trained along with the network that takes them: a transformer over the bytes of UTF-8
/// (Vaswani et al. 2017, with the norms before the layers), whose outputs are averaged over the text.
///
/// It knows no vocabulary, so that any language can be written. The vector of an empty text is zero: what networks take for no context.
public final class TextEncoder: Module {
  public let recipe: Recipe
  let bytes: Embedding, positions: Embedding
  let blocks: [TextBlock]
  let output: Linear

  /// A recipe's section `text_encoder`.
  public struct Recipe: RecipeKit.Recipe, Equatable {
    /// Length of the context vectors, and of the vectors of bytes within.
    public var width = 128
    /// Blocks of attention and MLP.
    public var layers = 2
    /// Heads of attention.
    public var heads = 4
    /// The longest text in bytes of UTF-8. In training the end of a longer caption is not read.
    public var maxLength = 64
    public init() {}

    public func validate() throws(RecipeError) {
      try require((1...4096).contains(width), "width", "expected 1 to 4096, found \(width)")
      try require((1...64).contains(layers), "layers", "expected 1 to 64, found \(layers)")
      try require(
        (1...64).contains(heads) && width % heads == 0, "heads", "expected 1 to 64 that divide the width \(width), found \(heads)")
      try require((1...4096).contains(maxLength), "max_length", "expected 1 to 4096 bytes, found \(maxLength)")
    }
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    bytes = Embedding(256, recipe.width, using: initializer)
    positions = Embedding(recipe.maxLength, recipe.width, using: initializer)
    blocks = (0..<recipe.layers).map { _ in TextBlock(recipe, using: initializer) }
    output = Linear(recipe.width, recipe.width, using: initializer)
  }

  /// - Parameter text: bytes, `[N, L]` int64, zeros after the end of each text, as `Tensor.init(texts:)` gives them. What follows
  ///   `max_length` is not read.
  /// - Returns: context vectors, `[N, width]` float32; zeros for empty texts.
  public func callAsFunction(_ text: Tensor) -> Tensor {
    guard text.fault == nil else { return text }
    guard text.rank == 2, text.dtype == .int64, text.size(1) > 0 else {
      return text.failed("text_encoder", "expected bytes of texts, int64 [N, L], found \(text.dtype) \(text.shape)")
    }
    let length = min(text.size(1), recipe.maxLength), read = text.narrow(1, 0, length)
    let isByte = read.gt(0).to(.float32)
    // Large enough that the softmax gives what follows the end nothing at all.
    let bias = ((isByte - 1) * 1e9).unsqueeze(1, 1)
    let embedded = bytes(read) + positions.weight.value.narrow(0, 0, length)
    let h = blocks.reduce(embedded) { h, block in block(h, bias: bias) }.layerNorm().to(.float32)
    let sum = (h * isByte.unsqueeze(-1)).sum(1), count = isByte.sum(1, keep: true)
    return (output(sum / count.clamp(1...Double(length))).to(.float32) * count.clamp(0...1)).arising(in: "text_encoder")
  }

  /// A copy for inference. Texts are encoded once, for which a lower precision would save no time.
  func prepared() throws -> TextEncoder { try prepared(as: TextEncoder(recipe, using: .shapes), for: .float32) }
}

/// Attention among the bytes of a text, then an MLP on each, both on normalised vectors and added to what came in.
final class TextBlock: Module {
  let qkv: PointwiseLinear, proj: PointwiseLinear
  let fc1: PointwiseLinear, fc2: PointwiseLinear
  private let heads: Int

  init(_ recipe: TextEncoder.Recipe, using initializer: Initializer) {
    let width = recipe.width
    qkv = PointwiseLinear(width, 3 * width, using: initializer)
    proj = PointwiseLinear(width, width, using: initializer)
    fc1 = PointwiseLinear(width, 4 * width, using: initializer)
    fc2 = PointwiseLinear(4 * width, width, using: initializer)
    heads = recipe.heads
  }

  /// - Parameters: x: `[N, L, width]`; bias: added to the scores of attention, `[N, 1, 1, L]`.
  func callAsFunction(_ x: Tensor, bias: Tensor) -> Tensor {
    guard x.fault == nil else { return x }
    let h = x + proj(attention(x.layerNorm(), bias))
    return h + fc2(fc1(h.layerNorm()).gelu())
  }

  /// softmax(q kᵀ / √d + bias) v.
  private func attention(_ x: Tensor, _ bias: Tensor) -> Tensor {
    let parts = AttentionOrder.splitFirst.split(qkv(x), heads: heads)
    let scale = 1 / (Double(x.size(2)) / Double(heads)).squareRoot()
    let scores = (parts[0] * scale).matmul(parts[1].transpose(2, 3)).to(.float32) + bias
    return scores.softmax(3).to(parts[2].dtype).matmul(parts[2]).transpose(1, 2).reshape(x.size(0), x.size(1), x.size(2))
  }
}
