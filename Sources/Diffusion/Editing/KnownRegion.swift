import Tensors

/// The part of images that is given; a run fills in the rest (inpainting).
///
/// At every level that a step reaches, the known part is put back as it is at that level, a sample of q(x_s | x₀), and at the end
/// as it is: with a mask of 0 and 1 the result is the known image exactly, to the bit, wherever the mask is 1.
///
///     x_s = m (α_s x₀ + σ_s ε) + (1 − m) x_s
///
/// Masking alone fits what it fills in to known parts whose noise it has never seen; a path of levels that is `resampled` brings
/// the two into harmony, at the cost of more steps.
///
/// Lugmayr et al., "RePaint" (CVPR 2022), eq. 8.
public struct KnownRegion: Sendable {
  /// `[N, C, H, W]`, or `[1, C, H, W]` for one that all images share; data lie in [−1, 1]. What the mask leaves open is not read.
  public let image: Tensor
  /// 1 where the image is known, 0 where it is to be filled in: `[N or 1, 1 or C, H, W]`. In between it blends, and there the
  /// noise of the blend falls short, by √½ at worst: soft edges should be narrow.
  public let mask: Tensor

  /// - Throws: when the mask leaves 0 ... 1, as one of bytes does.
  public init(image: Tensor, mask: Tensor) throws(TorchFault) {
    let mask = mask.to(like: image)
    let range = (least: try mask.min().item(), most: try mask.max().item())
    guard range.least >= 0, range.most <= 1 else {
      throw TorchFault(
        operation: "KnownRegion",
        message: "the mask lies in \(range.least) to \(range.most); expected 0 (to be filled in) to 1 (known)")
    }
    // Numbers that are not finite would come through a mask of 0.
    self.image = Tensor.where(mask.gt(0), image, .zeros(like: image))
    self.mask = mask
  }

  private init(fitting image: Tensor, _ mask: Tensor) {
    self.image = image
    self.mask = mask
  }

  /// This region on the device and in the dtype of a run's images.
  /// - Faults: when it does not fit their shape `[N, C, H, W]`.
  func fitted(to x: Tensor) -> KnownRegion {
    guard x.fault == nil, image.fault == nil else { return self }
    let (n, c) = (x.size(0), x.size(1)), size = [x.size(2), x.size(3)]
    let fits = { (known: Tensor, channels: Set<Int>) in
      known.rank == 4 && [1, n].contains(known.size(0)) && channels.contains(known.size(1)) && known.shape.suffix(2) == size[...]
    }
    guard fits(image, [c]), fits(mask, [1, c]) else {
      let message =
        "known image \(image.shape) and mask \(mask.shape) for images \(x.shape); "
        + "expected one for all or one for each, of \(c) channels (a mask 1 or \(c)) and \(size[0]) x \(size[1])"
      return KnownRegion(fitting: x.failed("inpaint", message), mask)
    }
    return KnownRegion(fitting: image.to(like: x).channelsLast(), mask.to(like: x))
  }

  /// Images at a level, their known part put back.
  /// - Parameter noise: standard normal, of x's shape; evaluated only where the level has noise.
  func blended(into x: Tensor, at level: NoiseLevel, noise: @autoclosure () -> Tensor) -> Tensor {
    let known = level.sigma > 0 ? level.alpha * image + level.sigma * noise() : image
    return blended(x, known)
  }

  /// Clean images, their known part put back.
  func blended(into x0: Tensor) -> Tensor { blended(x0, image) }

  /// x stands first: operations keep the layout of their first operand.
  private func blended(_ x: Tensor, _ known: Tensor) -> Tensor { x * (1 - mask) + known * mask }
}
