import Tensors

/// A linear degradation y = A x of pictures, whose pseudo-inverse A⁺ is known: means over boxes of k x k pixels, and of these, where colour is
/// lost, the luma:
///
///     A x = w · mean of the box,      A⁺ y = w / |w|² y at each pixel of the box
///
/// w is 1 for each channel by itself, or (0.299, 0.587, 0.114). Its singular values are all |w| / k.
public struct LinearDegradation: Sendable, Equatable {
  /// The side k of a box: how many times larger pictures are than what is known of them.
  public let factor: Int
  /// Whether only the luma of pictures in colour is known.
  public let isGrey: Bool

  /// Of red, green and blue (ITU-R BT.601), as pictures are made grey everywhere in this library.
  static let luma = [0.299, 0.587, 0.114]

  public init(factor: Int = 1, isGrey: Bool = false) {
    precondition(factor > 0, "boxes of \(factor) pixels")
    (self.factor, self.isGrey) = (factor, isGrey)
  }

  /// |w| / k.
  public var singularValue: Double { squaredWeight.squareRoot() / Double(factor) }

  private var squaredWeight: Double { isGrey ? Self.luma.reduce(0) { $0 + $1 * $1 } : 1 }

  /// A x.
  /// - Parameter x: `[N, C, H, W]`, three channels where colour is lost, sides multiples of `factor`.
  /// - Returns: `[N, C, H / factor, W / factor]`, or one channel.
  public func degraded(_ x: Tensor) -> Tensor {
    observed(factor > 1 ? x.avgPool2d(factor) : x)
  }

  /// What is known of a picture that is given at the size of y, in the channels of x: that picture itself, or its luma.
  public func observed(_ small: Tensor) -> Tensor { isGrey ? (small * weights(like: small)).sum(1, keep: true) : small }

  /// A⁺ y, the smallest x with A x = y.
  /// - Parameter y: as `degraded` gives it.
  public func pseudoInverse(_ y: Tensor) -> Tensor {
    isGrey ? repeated(y) * (weights(like: y) / squaredWeight) : repeated(y)
  }

  /// Another x with A x = y, of the same grey or colour everywhere in a box: one channel where colour is lost.
  public func repeated(_ y: Tensor) -> Tensor {
    factor > 1 ? y.repeatInterleave(factor, dim: 2).repeatInterleave(factor, dim: 3) : y
  }

  private func weights(like x: Tensor) -> Tensor { Tensor(Self.luma.map(Float.init), [1, 3, 1, 1]).to(like: x) }
}
