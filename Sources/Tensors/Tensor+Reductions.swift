internal import CTorch

// Reductions over the given axes, or over all if none is given; `keep` keeps reduced axes with size 1.
extension Tensor {
  public func sum(_ axes: Int..., keep: Bool = false) -> Tensor { reduce("sum", axes, keep, ct_sum) }
  public func mean(_ axes: Int..., keep: Bool = false) -> Tensor { reduce("mean", axes, keep, ct_mean) }
  public func max(_ axes: Int..., keep: Bool = false) -> Tensor { reduce("max", axes, keep, ct_amax) }
  public func min(_ axes: Int..., keep: Bool = false) -> Tensor { reduce("min", axes, keep, ct_amin) }
  /// The L2 norm.
  public func norm(_ axes: Int..., keep: Bool = false) -> Tensor { reduce("norm", axes, keep, ct_norm) }
  /// The variance, with divisor n - correction.
  public func variance(_ axes: Int..., correction: Int = 1, keep: Bool = false) -> Tensor {
    reduce("variance", axes, keep) { ct_var($0, $1, $2, Int64(correction), $3) }
  }
  /// The mean over all axes but the first: one value per image.
  public func meanPerImage() -> Tensor { rank < 2 ? self : reduce("mean", Array(1..<rank), false, ct_mean) }

  private func reduce(
    _ name: String, _ axes: [Int], _ keep: Bool,
    _ body: (OpaquePointer, UnsafePointer<Int64>, Int, Bool) -> OpaquePointer?
  ) -> Tensor {
    unary(name) { body($0, axes.wide, axes.count, keep) }
  }

  /// The index of the largest element along an axis.
  public func argmax(_ axis: Int) -> Tensor { unary("argmax") { ct_argmax($0, Int64(axis)) } }
  public func softmax(_ axis: Int) -> Tensor { unary("softmax") { ct_softmax($0, Int64(axis)) } }
  public func logSoftmax(_ axis: Int) -> Tensor { unary("logSoftmax") { ct_log_softmax($0, Int64(axis)) } }
  public func sorted(_ axis: Int, descending: Bool = false) -> Tensor {
    unary("sorted") { ct_sort($0, Int64(axis), descending) }
  }
  /// The q-quantile along an axis, linearly interpolated.
  public func quantile(_ q: Double, _ axis: Int, keep: Bool = false) -> Tensor {
    unary("quantile") { ct_quantile($0, q, Int64(axis), keep) }
  }
  /// Whether all elements are true (not zero), as a scalar bool tensor.
  public func all() -> Tensor { unary("all", ct_all) }
  public func any() -> Tensor { unary("any", ct_any) }
}
