import Tensors

extension Tensor {
  /// Images `[N, C, H, W]` whose last row and column are repeated until both sizes are multiples of `step`.
  func padded(toMultiplesOf step: Int) -> Tensor {
    let (bottom, right) = (step - 1 - (size(2) + step - 1) % step, step - 1 - (size(3) + step - 1) % step)
    return bottom == 0 && right == 0 ? self : pad(top: 0, bottom: bottom, left: 0, right: right, with: .replicate)
  }

  /// Undoes the padding of `x`.
  func cropped(toSizeOf x: Tensor) -> Tensor {
    if fault != nil || (size(2), size(3)) == (x.size(2), x.size(3)) { return self }
    return narrow(2, 0, x.size(2)).narrow(3, 0, x.size(3))
  }
}
