import Diffusion
import NN
import Networks
import Tensors

/// The network of a loop of set 5, with the weights of set 4.
struct SampleLoopNetwork {
  private let network: any DiffusionNetwork
  /// Classes that it is told; nil when it is told none.
  let classes: Int?

  init(_ manifest: Manifest) throws {
    guard let weights = manifest.members["weights"]?.object, let file = weights["model"]?.string,
      let all = manifest.members["network_arguments"]?.object, let arguments = all["model"]?.object,
      weights.count == 1, all.count == 1
    else { throw ReferenceError("\(manifest.name): the weights or the network's arguments are not understood") }
    network = try ADMUNet(ReferenceNetwork.admRecipe(arguments, of: manifest), using: .shapes)
    classes = arguments["num_classes"]?.int
    try network.adopt(manifest.stateDict(file), on: .cpu)
  }

  /// The network, told what the manifest gives beside the images.
  func told(labels: Tensor?, _ manifest: Manifest) throws -> DenoisingNetwork {
    let network = network, conditioning = Conditioning(labels: labels)
    return { x, timesteps in network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference) }
  }
}
