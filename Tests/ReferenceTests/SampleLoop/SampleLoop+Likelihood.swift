import Diffusion
import Tensors

extension SampleLoop {
  /// The bound on the likelihood of images, term by term; column k of a table is step k.
  func bound() throws -> Reproduction {
    guard case .none = settings.guidance, case (nil, nil) = try random.drawPrelude(random.makeNoise(), classes: nil) else {
      throw ReferenceError("\(manifest.name): a likelihood with draws before it or with guidance is not understood")
    }
    let run = try makeLikelihood(of: manifest.tensor("x_start"), random.makeNoise())
    let total = try run.finish()
    func table(_ values: (LikelihoodStep) -> [Double]) -> Tensor {
      Tensor(run.steps.flatMap(values), [run.steps.count, total.count]).permute(1, 0)
    }
    let terms = [
      "total_bpd": Tensor(total), "prior_bpd": Tensor(try run.prior()), "vb": table(\.variational), "xstart_mse": table(\.x0Error),
      "mse": table(\.epsilonError),
    ]
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      guard let term = terms[entry.name] else { throw ReferenceError("'\(entry.name)' is not understood") }
      reproduction.tensors[entry.name] = term
    }
    return reproduction
  }

  private func makeLikelihood(of image: Tensor, _ noise: some NoiseSource) throws -> LikelihoodRun {
    let denoiser = settings.denoiser(network.conditioned(on: nil)), process = settings.process
    return switch settings.clipping {
    case .none: LikelihoodRun(process, denoiser: denoiser, images: image, noise: noise)
    case .derivingTheNoiseAnew: LikelihoodRun(process, denoiser: denoiser.clipped(), images: image, noise: noise)
    case .keepingTheNoise: throw ReferenceError("\(manifest.name): a likelihood that keeps the network's noise is not understood")
    }
  }
}
