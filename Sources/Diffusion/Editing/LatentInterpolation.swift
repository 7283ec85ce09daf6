import Foundation
import Tensors

/// Spherical interpolation, image by image:
///
///     (sin((1 − w) θ) a + sin(w θ) b) / sin θ,      θ the angle between a and b
///
/// Starts of the same length, which those of pure noise nearly are, keep it, where a straight line would lose up to √½ of it.
/// Between images whose directions are nearly the same or opposite, |cos θ| > 0.9995, the line is straight.
///
/// Shoemake, "Animating Rotation with Quaternion Curves" (1985); Song, Meng and Ermon (ICLR 2021), eq. 67.
///
/// - Parameters:
///   - a, b: `[N, C, H, W]`.
///   - weight: w, 0 for `a`, 1 for `b`.
public func slerp(_ a: Tensor, _ b: Tensor, weight: Double) -> Tensor {
  guard a.fault == nil, b.fault == nil, a.shape == b.shape, a.rank > 1 else {
    return a.failed("slerp", "expected two batches of images of one shape, found \(a.shape) and \(b.shape)")
  }
  do throws(TorchFault) {
    let shares = try cosines(a, b).map { cosine in
      guard abs(cosine) <= 0.9995 else { return (a: 1 - weight, b: weight) }
      let angle = acos(cosine)
      return (a: sin((1 - weight) * angle) / sin(angle), b: sin(weight * angle) / sin(angle))
    }
    return shares.map(\.a).column(like: a) * a + shares.map(\.b).column(like: b) * b
  } catch { return Tensor(failing: error) }
}

/// The cosine of the angle between two images, for each of a batch; 1 where one of them is zero.
private func cosines(_ a: Tensor, _ b: Tensor) throws(TorchFault) -> [Double] {
  let a = a.to(.float64).reshape([a.size(0), -1]), b = b.to(.float64).reshape([b.size(0), -1])
  let products = try (a * b).sum(1).doubles(), lengths = try (a.norm(1) * b.norm(1)).doubles()
  return zip(products, lengths).map { $1 > 0 ? $0 / $1 : 1 }
}

/// Starts between two, evenly by angle, both ends included: sampled without noise (`DDIM(eta: 0)`, a solver), frames of an
/// animation from one image to the other.
///
/// - Parameters:
///   - a, b: starts of runs, `[N, C, H, W]`.
///   - count: of frames; 1 gives `a` alone.
/// - Returns: `count` batches like `a`.
public func interpolations(from a: Tensor, to b: Tensor, count: Int) -> [Tensor] {
  (0..<max(count, 0)).map { frame in
    switch frame {
    case 0: a
    case count - 1: b
    default: slerp(a, b, weight: Double(frame) / Double(count - 1))
    }
  }
}
