import NN
import Tensors

/// A linear map's initial values as the published code has them: uniform within √(6 / (inputs + outputs)) (Glorot and Bengio 2010).
extension Initializer {
  /// - Parameter shape: `[outputs, inputs]`.
  func xavier(_ shape: [Int]) -> Tensor { uniform((6 / Double(shape[0] + shape[1])).squareRoot(), shape) }
}

extension Parameter {
  /// Gives a new parameter another initial value; of one with a shape alone there is none.
  func begin(with value: Tensor) throws(TorchFault) {
    if self.value.device != .meta { try assign(value) }
  }
}

extension PointwiseLinear {
  fileprivate convenience init(xavier inputs: Int, _ outputs: Int, using initializer: Initializer) throws(TorchFault) {
    self.init(inputs, outputs, using: initializer)
    try weight.begin(with: initializer.xavier([outputs, inputs]))
    try bias.begin(with: initializer.constant(0, [outputs]))
  }
}

/// The embedding of the timestep: sinusoids through two linear maps.
final class TimestepEmbedder: Module {
  /// Sines and cosines together.
  static let waves = 256
  let input: Linear, output: Linear

  enum StateKeys: String, CaseIterable { case input = "mlp.0", output = "mlp.2" }

  init(_ width: Int, using initializer: Initializer) throws(TorchFault) {
    input = Linear(Self.waves, width, using: initializer)
    output = Linear(width, width, using: initializer)
    for layer in [input, output] {
      try layer.weight.begin(with: 0.02 * initializer.normal(layer.weight.shape))
      try layer.bias?.begin(with: initializer.constant(0, [width]))
    }
  }

  /// - Parameter timesteps: `[N]`. - Returns: `[N, width]` float32.
  func callAsFunction(_ timesteps: Tensor) -> Tensor { output(silu(input(timestepEmbedding(timesteps, dimension: Self.waves)))) }
}

/// Shifts, scales and gates of layers, linear in the condition; all of them zero at first, so that a block starts as the identity.
final class DiTModulation: Module {
  let linear: Linear
  private let parts: Int

  enum StateKeys: String, CaseIterable { case linear = "1" }

  /// - Parameter parts: how many vectors of `width` it gives.
  init(_ width: Int, parts: Int, using initializer: Initializer) throws(TorchFault) {
    linear = Linear(width, parts * width, using: initializer)
    self.parts = parts
    try linear.zero()
  }

  /// - Parameter condition: `[N, width]` after SiLU. - Returns: each `[N, 1, width]`, of h's dtype.
  func callAsFunction(_ condition: Tensor, like h: Tensor) -> [Tensor] {
    linear(condition).to(h.dtype).unsqueeze(1).chunk(parts, dim: 2)
  }
}

extension Tensor {
  /// The tokens `[N, L, width]` normalised, each to mean 0 and variance 1, then scaled and shifted.
  fileprivate func modulated(shift: Tensor, scale: Tensor) -> Tensor { layerNorm(eps: 1e-6) * (1 + scale) + shift }
}

/// Attention among tokens, of several heads.
final class DiTAttention: Module {
  let qkv: PointwiseLinear, proj: PointwiseLinear
  private let heads: Int

  init(_ recipe: DiT.Recipe, using initializer: Initializer) throws(TorchFault) {
    qkv = try PointwiseLinear(xavier: recipe.hiddenSize, 3 * recipe.hiddenSize, using: initializer)
    proj = try PointwiseLinear(xavier: recipe.hiddenSize, recipe.hiddenSize, using: initializer)
    heads = recipe.numHeads
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    guard x.fault == nil else { return x }
    let parts = AttentionOrder.splitFirst.split(qkv(x), heads: heads)
    return proj(Tensor.attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape(x.size(0), x.size(1), x.size(2)))
  }
}

/// Two linear maps of each token with a GELU between them.
final class DiTMLP: Module {
  let fc1: PointwiseLinear, fc2: PointwiseLinear

  init(_ recipe: DiT.Recipe, using initializer: Initializer) throws(TorchFault) {
    fc1 = try PointwiseLinear(xavier: recipe.hiddenSize, recipe.mlpWidth, using: initializer)
    fc2 = try PointwiseLinear(xavier: recipe.mlpWidth, recipe.hiddenSize, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { fc2(fc1(x).geluTanh()) }
}

/// A block of the transformer: attention and an MLP, each on normalised tokens that the condition scales and shifts, and each gated.
final class DiTBlock: Module {
  let attn: DiTAttention, mlp: DiTMLP
  let modulation: DiTModulation

  enum StateKeys: String, CaseIterable { case modulation = "adaLN_modulation" }

  init(_ recipe: DiT.Recipe, using initializer: Initializer) throws(TorchFault) {
    attn = try DiTAttention(recipe, using: initializer)
    mlp = try DiTMLP(recipe, using: initializer)
    modulation = try DiTModulation(recipe.hiddenSize, parts: 6, using: initializer)
  }

  /// - Parameters: x: `[N, L, width]`; condition: `[N, width]` after SiLU.
  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    let m = modulation(condition, like: x)
    guard m.count == 6 else { return m.first ?? x }
    let h = x + m[2] * attn(x.modulated(shift: m[0], scale: m[1]))
    return h + m[5] * mlp(h.modulated(shift: m[3], scale: m[4]))
  }
}

/// Tokens as the pixels of their patches; zero at first.
final class DiTFinalLayer: Module {
  let linear: PointwiseLinear
  let modulation: DiTModulation

  enum StateKeys: String, CaseIterable { case modulation = "adaLN_modulation" }

  init(_ width: Int, outputs: Int, using initializer: Initializer) throws(TorchFault) {
    linear = PointwiseLinear(width, outputs, using: initializer)
    modulation = try DiTModulation(width, parts: 2, using: initializer)
    try linear.zero()
  }

  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    let m = modulation(condition, like: x)
    return m.count == 2 ? linear(x.modulated(shift: m[0], scale: m[1])) : m.first ?? x
  }
}
