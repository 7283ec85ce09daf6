import Foundation
import NN
import Networks
import Tensors

/// A network and the size of the images it is measured on.
public struct BenchmarkSubject: Sendable {
  public let name: String
  let network: any NetworkRecipe
  let channels: Int, height: Int, width: Int
  let classRows: Int?
  /// Length of the network's context vectors.
  var contextDim: Int? { network.contextDim }
  /// Whether the network restores or enlarges a picture, which it reads beside the noisy image.
  var takesPicture: Bool { network is any RestoringRecipe }

  init(name: String, network: any NetworkRecipe, facts: NetworkInputSpec) {
    var network = network
    network.adapt(to: facts)
    self.name = name
    self.network = network
    (channels, height, width, classRows) = (facts.channels, facts.height, facts.width, facts.classRows)
  }

  /// The ADM UNet of Sfumato's published benchmarks: 8.0 M parameters, 58.4 GFLOP forward for 16 colour images of 32 x 32,
  /// learned variance.
  public static var standard: BenchmarkSubject {
    var network = ADMUNet.Recipe()
    network.modelChannels = 64
    network.channelMult = [1, 2, 2]
    network.numResBlocks = 2
    network.attentionResolutions = [16, 8]
    network.numHeadChannels = 32
    return BenchmarkSubject(
      name: "ADM UNet", network: network,
      facts: NetworkInputSpec(channels: 3, outputChannels: 6, height: 32, width: 32, classRows: nil))
  }

  /// The network with its initial parameters.
  func makeNetwork() throws -> any DiffusionNetwork {
    try network.makeNetwork(using: Initializer(Seed(0).generator(for: .parameters)))
  }

  /// Counts the cost of a forward pass without computing it.
  /// - Returns: the parameters, the counted operations and the shape of the output.
  func count(batch: Int) throws -> (parameters: Int, operations: OperationCount, output: [Int]) {
    let shapes = try network.makeNetwork(using: .shapes)
    let x = Tensor.empty([batch, channels, height, width], on: .meta), timesteps = Tensor.empty([batch], dtype: .int64, on: .meta)
    let conditioning = Conditioning(
      labels: classRows.map { _ in .empty([batch], dtype: .int64, on: .meta) }, context: contextDim.map { .empty([batch, $0], on: .meta) },
      lowRes: takesPicture ? .empty([batch, channels, height, width], on: .meta) : nil)
    var y = x
    let operations = OperationCount.measure {
      y = withoutGradient { shapes(x, timesteps: timesteps, conditioning: conditioning, mode: .inference) }
    }
    return (shapes.parameterCount, operations, try y.validated().shape)
  }

  /// The network's options under their recipe keys, with the type, from which the PyTorch side builds the same network.
  func networkJSON() throws -> [String: Any] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    guard var options = try JSONSerialization.jsonObject(with: encoder.encode(network)) as? [String: Any] else { return [:] }
    options["type"] = type(of: network).name
    return options
  }
}
