import NN
import Tensors

/// A convolution without a bias, batch norm with running statistics, and a rectifier: max(0, γ (w ∗ x − μ) / √(σ² + ε) + β).
///
/// `fold` makes one convolution of the first two, with weights γ w / √(σ² + ε) and biases β − γ μ / √(σ² + ε).
final class InceptionConvolution: Module {
  /// The kernel, `[O, I, K, L]`.
  final class Kernel: Module {
    let weight: Parameter
    init(_ weight: Tensor) { self.weight = Parameter(weight) }
  }

  /// Batch norm in inference form (Ioffe and Szegedy 2015).
  final class Norm: Module {
    let weight: Parameter, bias: Parameter
    let runningMean: Buffer, runningVar: Buffer

    init(_ channels: Int, using initializer: Initializer) {
      (weight, bias) = (Parameter(initializer.constant(1, [channels])), Parameter(initializer.constant(0, [channels])))
      (runningMean, runningVar) = (Buffer(initializer.constant(0, [channels])), Buffer(initializer.constant(1, [channels])))
    }
  }

  /// Norm and convolution as one convolution.
  private final class Folded: NotState {
    let weight: Tensor, bias: Tensor
    init(weight: Tensor, bias: Tensor) { (self.weight, self.bias) = (weight, bias) }
  }

  /// ε of every norm of the network.
  private static let eps = 0.001

  let conv: Kernel, bn: Norm
  private let stride: Int, padding: [Int]
  private var folded: Folded?

  /// - Parameters:
  ///   - kernel: height and width. padding: rows above and below, columns at each side.
  init(
    _ inputs: Int, _ outputs: Int, kernel: (Int, Int), stride: Int = 1, padding: (Int, Int) = (0, 0), using initializer: Initializer
  ) {
    let shape = [outputs, inputs, kernel.0, kernel.1]
    conv = Kernel(initializer.uniform(1 / Double(shape.dropFirst().reduce(1, *)).squareRoot(), shape))
    bn = Norm(outputs, using: initializer)
    (self.stride, self.padding) = (stride, [padding.0, padding.1])
  }

  /// Squares that keep the size at stride 1, unless the padding says otherwise.
  convenience init(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, padding: Int? = nil, using initializer: Initializer
  ) {
    let padding = padding ?? kernel / 2
    self.init(inputs, outputs, kernel: (kernel, kernel), stride: stride, padding: (padding, padding), using: initializer)
  }

  /// - Parameter x: `[N, I, H, W]`. - Returns: `[N, O, H', W']`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    if let folded { return convolved(x, folded.weight, folded.bias).relu() }
    let (weight, bias) = affine
    let y = convolved(x, conv.weight.value, nil)
    return (y * column(weight, y) + column(bias, y)).relu()
  }

  private func convolved(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    if padding[0] == padding[1] { return x.conv2d(weight, bias, stride: stride, padding: padding[0]) }
    let padded = x.pad(top: padding[0], bottom: padding[0], left: padding[1], right: padding[1])
    return padded.conv2d(weight, bias, stride: stride)
  }

  /// Factor and addend of each channel, `[O]` float64.
  private var affine: (weight: Tensor, bias: Tensor) {
    let weight = bn.weight.value.to(.float64) / (bn.runningVar.value.to(.float64) + Self.eps).sqrt()
    return (weight, bn.bias.value.to(.float64) - bn.runningMean.value.to(.float64) * weight)
  }

  private func column(_ values: Tensor, _ y: Tensor) -> Tensor { values.to(y.dtype).reshape(1, values.count, 1, 1) }

  /// From now on for inference alone.
  func fold() throws(TorchFault) {
    guard folded == nil else { return }
    let (weight, bias) = affine
    let kernel = conv.weight.value.detach().to(.float64) * weight.detach().reshape(weight.count, 1, 1, 1)
    folded = Folded(
      weight: try kernel.to(.float32).channelsLast().validated(), bias: try bias.detach().to(.float32).validated())
    // Shapes stay, for those that list the state.
    conv.weight.replace(with: .shapeAlone(conv.weight.shape))
  }
}
