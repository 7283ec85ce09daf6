// Makes an untrained network, asks it for the noise in a batch of images, and says what that took.
import Sfumato

Torch.waitPassively()  // before the first tensor: leaves the cores to others while it waits
try Torch.start()
print("libtorch \(Torch.libraryVersion ?? "of unknown version"), \(Torch.threadCount) threads, \(Torch.cpuCapability)")
print("networks: \(NetworkRegistry.all.map { $0.name }.joined(separator: ", "))")

var recipe = ADMUNet.Recipe()
recipe.modelChannels = 32
recipe.channelMult = [1, 2]
recipe.attentionResolutions = []
recipe.adapt(to: NetworkFacts(channels: 1, outputChannels: 1, height: 16, width: 16, classRows: 11))
let seed = Seed(1)
let network = try recipe.makeNetwork(using: Initializer(seed.generator(for: .parameters)))
let images = Tensor.randn([4, 1, 16, 16], using: seed.generator(for: .noise))
let noise = withoutGradient {
  network(images, timesteps: .full(500, [4]), conditioning: Conditioning(labels: .full(7, [4], dtype: .int64)), mode: .inference)
}
print("\(type(of: network)) of \(network.parameterCount) parameters: \(images.shape) to \(try noise.validated().shape)")
