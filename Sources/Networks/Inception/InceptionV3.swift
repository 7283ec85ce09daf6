import Failures
import NN
import Tensors

/// InceptionV3 as the field's Fréchet distances take its features (Szegedy et al. 2016; Heusel et al. 2017): the network of TensorFlow's
/// archive of December 2015, under the state-dict names of its port to PyTorch, `pt_inception-2015-12-05-6726825d.pth`.
///
/// It differs from the network that torchvision publishes: 1008 classes for 1000, means that do not count pixels beyond the edge, and the
/// largest values in place of means in the last block. Features of one are not features of the other.
///
/// For inference: `fold()` it once the weights are there. Not Sendable: it belongs to the thread that computes with it.
public final class InceptionV3: Module {
  public enum StateKeys: String, CaseIterable {
    case conv1a = "Conv2d_1a_3x3", conv2a = "Conv2d_2a_3x3", conv2b = "Conv2d_2b_3x3", conv3b = "Conv2d_3b_1x1"
    case conv4a = "Conv2d_4a_3x3"
    case mixed5b = "Mixed_5b", mixed5c = "Mixed_5c", mixed5d = "Mixed_5d", mixed6a = "Mixed_6a", mixed6b = "Mixed_6b"
    case mixed6c = "Mixed_6c", mixed6d = "Mixed_6d", mixed6e = "Mixed_6e", mixed7a = "Mixed_7a", mixed7b = "Mixed_7b"
    case mixed7c = "Mixed_7c"
  }

  /// Classes of the archive's network; those of ILSVRC 2012 are 1000 among them.
  public static let classes = 1008
  /// Height and width of the images of its training, to which pictures are resized.
  public static let side = 299
  /// The least height and width of which every block has a pixel.
  public static let leastSide = 75

  let conv1a: InceptionConvolution, conv2a: InceptionConvolution, conv2b: InceptionConvolution
  let conv3b: InceptionConvolution, conv4a: InceptionConvolution
  let mixed5b: InceptionBlockA, mixed5c: InceptionBlockA, mixed5d: InceptionBlockA, mixed6a: InceptionBlockB
  let mixed6b: InceptionBlockC, mixed6c: InceptionBlockC, mixed6d: InceptionBlockC, mixed6e: InceptionBlockC
  let mixed7a: InceptionBlockD, mixed7b: InceptionBlockE, mixed7c: InceptionBlockE
  let fc: Linear

  /// By what every layer's channels are divided: 1 for the published network, more for a small one in tests.
  public let narrowing: Int
  /// Numbers of each picture: 2048.
  public var featureCount: Int { 2048 / narrowing }

  /// - Parameter narrowing: 1, 2, 4, 8 or 16.
  public init(narrowing: Int = 1, using initializer: Initializer) {
    precondition([1, 2, 4, 8, 16].contains(narrowing), "channels of Inception divided by \(narrowing)")
    let width = { (channels: Int) in channels / narrowing }
    func plain(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0) -> InceptionConvolution {
      InceptionConvolution(inputs, width(outputs), kernel, stride: stride, padding: padding, using: initializer)
    }
    (conv1a, conv2a) = (plain(3, 32, 3, stride: 2), plain(width(32), 32, 3))
    (conv2b, conv3b, conv4a) = (plain(width(32), 64, 3, padding: 1), plain(width(64), 80, 1), plain(width(80), 192, 3))
    mixed5b = InceptionBlockA(width(192), pool: 32, width, using: initializer)
    mixed5c = InceptionBlockA(width(256), pool: 64, width, using: initializer)
    mixed5d = InceptionBlockA(width(288), pool: 64, width, using: initializer)
    mixed6a = InceptionBlockB(width(288), width, using: initializer)
    let middle = [128, 160, 160, 192].map { InceptionBlockC(width(768), inner: $0, width, using: initializer) }
    (mixed6b, mixed6c, mixed6d, mixed6e) = (middle[0], middle[1], middle[2], middle[3])
    mixed7a = InceptionBlockD(width(768), width, using: initializer)
    mixed7b = InceptionBlockE(width(1280), pool: .means, width, using: initializer)
    mixed7c = InceptionBlockE(width(2048), pool: .largest, width, using: initializer)
    fc = Linear(width(2048), Self.classes, using: initializer)
    self.narrowing = narrowing
  }

  public struct Output {
    /// `[N, 2048]` float32, the mean over the pixels of the last block.
    public let features: Tensor
    /// `[N, 1008]` float32: the last linear map without its bias, which the field's inception score leaves out.
    public let logits: Tensor
  }

  /// - Parameter x: colour images `[N, 3, H, W]` in [-1, 1], of `leastSide` pixels or more.
  public func callAsFunction(_ x: Tensor) -> Output {
    let features = stages.reduce(checked(x).channelsLast()) { h, stage in stage.apply(h).arising(in: stage.name) }
    return Output(features: features, logits: features.linear(fc.weight.value))
  }

  private func checked(_ x: Tensor) -> Tensor {
    guard x.fault == nil else { return x }
    guard x.rank == 4, x.size(1) == 3, min(x.size(2), x.size(3)) >= Self.leastSide else {
      return x.failed("InceptionV3", "expected images [N, 3, H, W] of \(Self.leastSide) pixels or more, found \(x.shape)")
    }
    return x.to(.float32)
  }

  /// The layers and blocks in order, pools apart from them; the last gives the features.
  package var stages: [(name: String, apply: (Tensor) -> Tensor)] {
    [
      ("Conv2d_1a_3x3", conv1a.callAsFunction), ("Conv2d_2a_3x3", conv2a.callAsFunction), ("Conv2d_2b_3x3", conv2b.callAsFunction),
      ("pool1", { $0.maxPool2d(3, stride: 2) }),
      ("Conv2d_3b_1x1", conv3b.callAsFunction), ("Conv2d_4a_3x3", conv4a.callAsFunction), ("pool2", { $0.maxPool2d(3, stride: 2) }),
      ("Mixed_5b", mixed5b.callAsFunction), ("Mixed_5c", mixed5c.callAsFunction), ("Mixed_5d", mixed5d.callAsFunction),
      ("Mixed_6a", mixed6a.callAsFunction), ("Mixed_6b", mixed6b.callAsFunction), ("Mixed_6c", mixed6c.callAsFunction),
      ("Mixed_6d", mixed6d.callAsFunction), ("Mixed_6e", mixed6e.callAsFunction), ("Mixed_7a", mixed7a.callAsFunction),
      ("Mixed_7b", mixed7b.callAsFunction), ("Mixed_7c", mixed7c.callAsFunction), ("features", { $0.mean(2, 3) }),
    ]
  }

  /// Makes one convolution of each convolution and its batch norm: from then on for inference alone.
  public func fold() throws(TorchFault) {
    for (_, module) in modules() { try (module as? InceptionConvolution)?.fold() }
  }
}
