import Diffusion
import Failures
import Models
import Networks
import RecipeKit

extension Preset {
  /// What github.com/facebookresearch/DiT released. Its networks diffuse latents of Stable Diffusion's autoencoder, an eighth of the images'
  /// height and width.
  static let dit: [Preset] = [transformer(256), transformer(512)]

  private static func transformer(_ size: Int) -> Preset {
    Preset(
      "dit-xl2-imagenet\(size)", "DiT-XL-2-\(size)x\(size).pt", .dit, "--model DiT-XL/2 --image-size \(size)", steps: 250,
      Size(
        parameters: 675_000_000, tolerance: 1_000_000,
        source: "arXiv:2212.09748, section 5, whole millions; positions, which are fixed, are not counted here"
      ),
      note:
        "samples latents [4, \(size / 8), \(size / 8)]: the autoencoder that makes images of \(size) x \(size) of them is not part of Sfumato"
    )
  }
}

/// The models of DiT's `models.py` and `sample.py`.
extension PublishedFlags {
  func transformer(steps: Int) throws -> ModelRecipe {
    var recipe = ModelRecipe()
    let size = try number("image-size") / 8, classes = try number("num-classes")
    (recipe.data.channels, recipe.data.height, recipe.data.width) = (4, size, size)
    (recipe.data.classNames, recipe.data.nullClass) = ((0..<classes).map(String.init), classes)
    recipe.network = Choice(try architecture(latents: size, classes: classes))
    recipe.process.schedule = Choice(LinearSchedule(steps: 1000))
    (recipe.process.parameterization, recipe.process.variance) = (.epsilon, .learnedRange)
    recipe.sampler = Choice(DDPM())
    (recipe.sampling.steps, recipe.sampling.spacing) = (steps, .linspace)
    // Latents have no range.
    (recipe.sampling.guidanceScale, recipe.sampling.clip) = (try fraction("cfg-scale"), false)
    return recipe
  }

  /// `DiT-XL/2`: the size of the network and of its patches.
  private func architecture(latents size: Int, classes: Int) throws -> DiT.Recipe {
    let sizes = ["S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)]
    let words = self["model"].split { $0 == "-" || $0 == "/" }.map(String.init)
    guard words.count == 3, words[0] == "DiT", let (width, depth, heads) = sizes[words[1]], let patch = Int(words[2]) else {
      throw SfumatoError(
        .usage,
        "--model of \(system.rawValue): expected DiT-S, DiT-B, DiT-L or DiT-XL and a patch, such as DiT-XL/2, found '\(self["model"])'")
    }
    var network = DiT.Recipe()
    (network.hiddenSize, network.depth, network.numHeads, network.patchSize) = (width, depth, heads, patch)
    (network.inputSize, network.inChannels, network.outChannels, network.numClasses) = (size, 4, 8, classes + 1)
    return network
  }
}
