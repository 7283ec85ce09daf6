import Tensors

/// The change of variables of `ProcessRecipe.residualScale`: r = (x − u) / ρ, for a picture x and its degraded version u.
///
/// Of a picture that lost little, nearly all of a process would be spent on what the degraded picture shows already: the residual of an
/// enlargement by 2 has a standard deviation of 0.06. Scaled to 1, the whole process works on it, and a network that gives zero returns the
/// degraded picture.
public struct Residual: Sendable, Equatable {
  /// ρ, the standard deviation of x − u in [−1, 1].
  public let scale: Double

  public init(scale: Double) { self.scale = scale }

  /// What is diffused: the difference of pictures `[N, C, H, W]` from their degraded versions, of the same shape.
  public func encode(_ pictures: Tensor, from degraded: Tensor) -> Tensor { (pictures - degraded) / scale }

  /// The pictures of residuals, within [−1, 1].
  public func decode(_ residuals: Tensor, from degraded: Tensor) -> Tensor { (degraded + scale * residuals).clamp(-1...1) }
}
