import Tensors

/// A layer that can be prepared for inference in a dtype: its weights are cast once.
package protocol Preparable: Module {
  func prepare(for dtype: DType) throws(TorchFault)
}

extension Parameter {
  /// Replaces the value with a copy in `dtype`, detached from training.
  package func prepare(as dtype: DType) throws(TorchFault) {
    let value = value.detach()
    replace(with: try (value.dtype == dtype ? value.clone() : value.to(dtype)).validated())
  }
}

/// y = x Wᵀ + b, for embeddings; `PointwiseConv1d` and `PointwiseLinear` apply a linear map at each position of an image.
public final class Linear: Module, Preparable {
  public let weight: Parameter, bias: Parameter?

  /// Initialised as PyTorch's: uniform within 1/√inputs.
  public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, using initializer: Initializer) {
    let bound = 1 / Double(inputs).squareRoot()
    weight = Parameter(initializer.uniform(bound, [outputs, inputs]))
    self.bias = bias ? Parameter(initializer.uniform(bound, [outputs])) : nil
  }

  /// - Parameter x: `[…, inputs]`. - Returns: `[…, outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight.value, bias?.value) }

  /// Stays float32: it maps one row per image (timestep and class embeddings), for which a lower precision saves no time.
  package func prepare(for dtype: DType) throws(TorchFault) {
    try weight.prepare(as: .float32)
    try bias?.prepare(as: .float32)
  }
}

/// A convolution over images.
public final class Conv2d: Module, Preparable {
  public let weight: Parameter, bias: Parameter?
  let stride: Int, padding: Int
  private var packed: PackedConv2d?

  /// Initialised as PyTorch's: uniform within 1/√(inputs K²). The default padding keeps the size.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Int? = nil, bias: Bool = true,
    using initializer: Initializer
  ) {
    let bound = 1 / Double(inputs * kernel * kernel).squareRoot()
    weight = Parameter(initializer.uniform(bound, [outputs, inputs, kernel, kernel]))
    self.bias = bias ? Parameter(initializer.uniform(bound, [outputs])) : nil
    self.stride = stride
    self.padding = padding ?? kernel / 2
  }

  /// - Parameters: x: `[N, inputs, H, W]`; perImage: `[N, outputs]`, added to all pixels of an image; residual: `[N, outputs, H', W']`; both
  ///   are added to the result in the same pass.
  /// - Returns: `[N, outputs, H', W']`.
  public func callAsFunction(_ x: Tensor, perImage: Tensor? = nil, addingTo residual: Tensor? = nil) -> Tensor {
    if let packed { return packed(x, perImage: perImage, addingTo: residual) }
    return x.conv2d(weight.value, bias?.value, stride: stride, padding: padding, perImage: perImage, addingTo: residual)
  }

  package func prepare(for dtype: DType) throws(TorchFault) {
    packed = PackedConv2d(weight.value, bias?.value, stride: stride, padding: padding, dtype: dtype)
    // Inference needs only the packed copy; the parameters keep their shapes.
    weight.replace(with: .shapeAlone(weight.shape))
    if let bias { bias.replace(with: .shapeAlone(bias.shape)) }
  }
}

/// A convolution of kernel 1 over positions, which applies the same linear map at each. Its weight has PyTorch's Conv1d shape.
public final class PointwiseConv1d: Module, Preparable {
  public let weight: Parameter, bias: Parameter

  /// Initialised as PyTorch's Conv1d: uniform within 1/√inputs.
  public init(_ inputs: Int, _ outputs: Int, using initializer: Initializer) {
    let bound = 1 / Double(inputs).squareRoot()
    weight = Parameter(initializer.uniform(bound, [outputs, inputs, 1]))
    bias = Parameter(initializer.uniform(bound, [outputs]))
  }

  /// - Parameter x: `[N, positions, inputs]`. - Returns: `[N, positions, outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight.value.squeeze(-1), bias.value) }

  package func prepare(for dtype: DType) throws(TorchFault) {
    try weight.prepare(as: dtype)
    try bias.prepare(as: dtype)
  }
}

/// `PointwiseConv1d` with the weight shape of PyTorch's Linear.
public final class PointwiseLinear: Module, Preparable {
  public let weight: Parameter, bias: Parameter

  /// Initialised as PyTorch's: uniform within 1/√inputs.
  public init(_ inputs: Int, _ outputs: Int, using initializer: Initializer) {
    let bound = 1 / Double(inputs).squareRoot()
    weight = Parameter(initializer.uniform(bound, [outputs, inputs]))
    bias = Parameter(initializer.uniform(bound, [outputs]))
  }

  /// - Parameter x: `[N, positions, inputs]`. - Returns: `[N, positions, outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight.value, bias.value) }

  package func prepare(for dtype: DType) throws(TorchFault) {
    try weight.prepare(as: dtype)
    try bias.prepare(as: dtype)
  }
}

/// Normalises groups of channels of each image (Wu and He 2018), with statistics in float32 whatever the input's dtype.
public final class GroupNorm: Module, Preparable {
  public let weight: Parameter, bias: Parameter
  let groups: Int, eps: Double

  public init(_ channels: Int, groups: Int = 32, eps: Double = 1e-5, using initializer: Initializer) {
    weight = Parameter(initializer.constant(1, [channels]))
    bias = Parameter(initializer.constant(0, [channels]))
    self.groups = groups
    self.eps = eps
  }

  /// activation(norm(x) (1 + scale) + shift) in one operation. x: `[N, C, H, W]`; scale, shift: `[N, C]`.
  public func callAsFunction(
    _ x: Tensor, scale: Tensor? = nil, shift: Tensor? = nil, activation: Tensor.Activation = .identity
  ) -> Tensor {
    x.groupNorm(groups: groups, weight.value, bias.value, eps: eps, scale: scale, shift: shift, activation: activation)
  }

  package func prepare(for dtype: DType) throws(TorchFault) {
    try weight.prepare(as: .float32)
    try bias.prepare(as: .float32)
  }
}

/// A table of vectors, one per class.
public final class Embedding: Module, Preparable {
  public let weight: Parameter

  /// Initialised as PyTorch's: standard normal.
  public init(_ count: Int, _ dimension: Int, using initializer: Initializer) {
    weight = Parameter(initializer.normal([count, dimension]))
  }

  /// - Parameter indices: `[N]` int64, each less than the number of rows. - Returns: `[N, dimension]`.
  public func callAsFunction(_ indices: Tensor) -> Tensor { weight.value.embedding(indices) }

  package func prepare(for dtype: DType) throws(TorchFault) { try weight.prepare(as: .float32) }
}

/// Zeroes elements at random while training (Srivastava et al. 2014).
public final class Dropout: Module {
  let p: Double
  public init(_ p: Double) { self.p = p }

  public func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
    guard case .training(let generator) = mode, p > 0 else { return x }
    return x.dropout(p, using: generator)
  }
}
