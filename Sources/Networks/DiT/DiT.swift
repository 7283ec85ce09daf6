import NN
import RecipeKit
import Tensors

/// The diffusion transformer: images are cut into patches, which attend to each other in blocks that timestep and class modulate
/// (`adaLN-Zero`), under the state-dict names of the published checkpoints.
///
/// Positions are fixed, sines and cosines of row and column. Images of any size are padded to whole patches and cropped again; a grid of
/// patches of another size than the recipe's has the positions that the same formula gives it.
///
/// Peebles and Xie, "Scalable Diffusion Models with Transformers" (2023).
public final class DiT: DiffusionNetwork, PreparedOnce {
  public let recipe: Recipe
  let posEmbed: Buffer
  let patches: Conv2d
  let tEmbedder: TimestepEmbedder
  let classes: Embedding?
  let blocks: [DiTBlock]
  let finalLayer: DiTFinalLayer
  private let recomputations: [Recomputation]
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  public enum StateKeys: String, CaseIterable {
    case patches = "x_embedder.proj", classes = "y_embedder.embedding_table"
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let width = recipe.hiddenSize, patch = recipe.patchSize, side = recipe.gridSide
    posEmbed = Buffer(
      initializer.device == .meta
        ? .empty([1, side * side, width], on: .meta) : sineCosinePositions(side, side, width: width).to(initializer.device))
    patches = Conv2d(recipe.resolvedInChannels, width, kernel: patch, stride: patch, padding: 0, using: initializer)
    try patches.weight.begin(with: initializer.xavier([width, recipe.resolvedInChannels * patch * patch]).reshape(patches.weight.shape))
    try patches.bias?.begin(with: initializer.constant(0, [width]))
    tEmbedder = try TimestepEmbedder(width, using: initializer)
    classes = recipe.numClasses.map { Embedding($0, width, using: initializer) }
    try classes.map { try $0.weight.begin(with: 0.02 * $0.weight.value.detach()) }
    blocks = try (0..<recipe.depth).map { _ in try DiTBlock(recipe, using: initializer) }
    finalLayer = try DiTFinalLayer(width, outputs: patch * patch * recipe.resolvedOutChannels, using: initializer)
    recomputations = recipe.useCheckpoint ? blocks.map { Recomputation(of: $0) } : []
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    if let problem = recipe.inputs.problem(with: x, timesteps, conditioning) { return problem }
    let patch = recipe.patchSize, padded = x.padded(toMultiplesOf: patch)
    guard padded.fault == nil else { return padded }
    let rows = padded.size(2) / patch, columns = padded.size(3) / patch
    var condition = tEmbedder(timesteps).arising(in: "t_embedder")
    if let classes, let labels = conditioning.labels { condition = condition + classes(labels).arising(in: "y_embedder") }
    condition = silu(condition)
    let dtype = preparedDType ?? .float32
    let tokens = positions(of: patches(padded.to(dtype).channelsLast())).to(dtype).arising(in: "x_embedder")
    var h = tokens + gridPositions(rows, columns, on: x.device).to(dtype)
    for (index, block) in blocks.enumerated() {
      h =
        (recomputations.isEmpty
        ? block(h, condition) : recomputations[index]([h, condition], mode: mode) { block($0[0], $0[1]) }).arising(in: "blocks.\(index)")
    }
    let y = finalLayer(h, condition).arising(in: "final_layer").to(.float32)
    return y.images(rows: rows, columns: columns, patch: patch).cropped(toSizeOf: x)
  }

  /// The positions of a grid: the stored ones for one of the recipe's size.
  private func gridPositions(_ rows: Int, _ columns: Int, on device: Device) -> Tensor {
    if (rows, columns) == (recipe.gridSide, recipe.gridSide) { return posEmbed.value }
    guard device != .meta else { return .empty([1, rows * columns, recipe.hiddenSize], on: .meta) }
    return sineCosinePositions(rows, columns, width: recipe.hiddenSize).to(device)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}

extension Tensor {
  /// Patches `[N, rows columns, p² C]`, of each patch the rows first and the channels last, as images `[N, C, rows p, columns p]`.
  fileprivate func images(rows: Int, columns: Int, patch: Int) -> Tensor {
    guard fault == nil else { return self }
    let n = size(0), channels = size(2) / (patch * patch)
    return reshape(n, rows, columns, patch, patch, channels).permute(0, 5, 1, 3, 2, 4)
      .reshape(n, channels, rows * patch, columns * patch)
  }
}

/// Sines and cosines of column, then of row, a quarter of the width each, at the frequencies 10000^(−i / (width / 4)): `[1, rows columns,
/// width]` float32.
private func sineCosinePositions(_ rows: Int, _ columns: Int, width: Int) -> Tensor {
  let quarter = width / 4
  let frequencies = (Tensor.arange(0, Double(quarter), dtype: .float64) * (-9.210340371976184 / Double(quarter))).exp()
  func waves(_ count: Int) -> Tensor {
    let angles = Tensor.arange(0, Double(count), dtype: .float64).unsqueeze(-1) * frequencies.unsqueeze(0)
    return .cat([angles.sin(), angles.cos()], dim: 1)
  }
  let half = 2 * quarter
  let byColumn = waves(columns).unsqueeze(0).expand(rows, columns, half), byRow = waves(rows).unsqueeze(1).expand(rows, columns, half)
  return Tensor.cat([byColumn, byRow], dim: 2).reshape(1, rows * columns, 2 * half).to(.float32)
}
