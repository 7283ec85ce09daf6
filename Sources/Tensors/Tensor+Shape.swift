internal import CTorch

extension Tensor {
  /// The same elements in another shape; one size may be -1 and is inferred.
  public func reshape(_ shape: [Int]) -> Tensor { unary("reshape") { ct_reshape($0, shape.wide, shape.count) } }
  public func reshape(_ shape: Int...) -> Tensor { reshape(shape) }
  /// Axes of size 1 repeated without a copy; -1 keeps a size.
  public func expand(_ shape: Int...) -> Tensor { unary("expand") { ct_expand($0, shape.wide, shape.count) } }
  public func `repeat`(_ times: Int...) -> Tensor { unary("repeat") { ct_repeat($0, times.wide, times.count) } }
  public func permute(_ axes: Int...) -> Tensor { unary("permute") { ct_permute($0, axes.wide, axes.count) } }
  public func flip(_ axes: Int...) -> Tensor { unary("flip") { ct_flip($0, axes.wide, axes.count) } }
  public func transpose(_ a: Int, _ b: Int) -> Tensor { unary("transpose") { ct_transpose($0, Int64(a), Int64(b)) } }
  /// New axes of size 1, inserted one after the other.
  public func unsqueeze(_ axes: Int...) -> Tensor {
    axes.reduce(self) { x, axis in x.unary("unsqueeze") { ct_unsqueeze($0, Int64(axis)) } }
  }
  public func squeeze(_ axis: Int) -> Tensor { unary("squeeze") { ct_squeeze($0, Int64(axis)) } }
  /// The slice at one index of an axis; the axis is removed.
  public func select(_ axis: Int, _ index: Int) -> Tensor { unary("select") { ct_select($0, Int64(axis), Int64(index)) } }
  /// Every `step`th index of an axis within `range`.
  public func slice(_ axis: Int, _ range: Range<Int>, step: Int = 1) -> Tensor {
    unary("slice") { ct_slice($0, Int64(axis), Int64(range.lowerBound), Int64(range.upperBound), Int64(step)) }
  }
  /// A view of this tensor's storage: element (i, j, …) is element start + i strides[0] + j strides[1] + … of the storage.
  /// - Faults: if the view exceeds the storage.
  package func strided(_ shape: [Int], strides: [Int], from start: Int) -> Tensor {
    guard shape.count == strides.count else { return failed("strided", "\(shape.count) sizes, \(strides.count) strides") }
    return unary("strided") { ct_as_strided($0, shape.wide, strides.wide, shape.count, Int64(start)) }
  }
  /// `length` indices of an axis from `start`.
  /// - Faults: if they exceed the axis.
  public func narrow(_ axis: Int, _ start: Int, _ length: Int) -> Tensor {
    guard fault == nil else { return self }
    guard start >= 0, length >= 0, length <= size(axis) - start else {
      return failed("narrow", "\(length) indices from \(start) exceed axis \(axis) of size \(size(axis))")
    }
    return slice(axis, start..<(start + length))
  }
  /// One image of a batch, `[1, …]`.
  public func image(_ index: Int) -> Tensor { narrow(0, index, 1) }

  /// Equal parts along an axis; for a tensor that carries a fault, as many faults.
  public func chunk(_ parts: Int, dim axis: Int) -> [Tensor] {
    guard fault == nil, parts > 0, size(axis) % parts == 0 else {
      let refused = failed("chunk", "axis \(axis) of size \(size(axis)) cannot be divided into \(parts) equal parts")
      return Array(repeating: refused, count: Swift.max(parts, 1))
    }
    let length = size(axis) / parts
    return (0..<parts).map { narrow(axis, $0 * length, length) }
  }
  /// Parts of the given lengths along an axis; for a tensor that carries a fault, as many faults.
  public func split(_ lengths: [Int], dim axis: Int) -> [Tensor] {
    guard fault == nil, lengths.allSatisfy({ $0 >= 0 }), lengths.reduce(0, +) == size(axis) else {
      let refused = failed("split", "lengths \(lengths) do not add up to \(size(axis)), the size of axis \(axis)")
      return Array(repeating: refused, count: lengths.count)
    }
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return narrow(axis, start, length)
    }
  }

  public static func cat(_ tensors: [Tensor], dim axis: Int) -> Tensor {
    apply("cat", tensors) { handles in
      var raws = handles.map(Optional.some)
      return ct_cat(&raws, raws.count, Int64(axis))
    }
  }
  public static func stack(_ tensors: [Tensor], dim axis: Int = 0) -> Tensor {
    apply("stack", tensors) { handles in
      var raws = handles.map(Optional.some)
      return ct_stack(&raws, raws.count, Int64(axis))
    }
  }

  /// Each element along the axis, repeated `times` times in succession.
  public func repeatInterleave(_ times: Int, dim axis: Int) -> Tensor {
    unary("repeatInterleave") { ct_repeat_interleave($0, Int64(times), Int64(axis)) }
  }
  /// The slices of an axis at `indices` (int64, one-dimensional).
  public func indexSelect(_ axis: Int, _ indices: Tensor) -> Tensor {
    binary("indexSelect", indices) { ct_index_select($0, Int64(axis), $1) }
  }
  /// The elements along an axis at `indices` (int64, of the same rank), as PyTorch's gather.
  public func gather(_ axis: Int, _ indices: Tensor) -> Tensor { binary("gather", indices) { ct_gather($0, Int64(axis), $1) } }

  /// The values beyond the edge.
  public enum Padding: Sendable, Equatable {
    case constant(Double), reflect, replicate
  }
  /// Images, `[N, C, H, W]`, padded on each side.
  public func pad(top: Int, bottom: Int, left: Int, right: Int, with padding: Padding = .constant(0)) -> Tensor {
    let widths = [left, right, top, bottom].wide
    return unary("pad") {
      switch padding {
      case .constant(let value): ct_pad($0, widths, 4, "constant", value)
      case .reflect: ct_pad($0, widths, 4, "reflect", 0)
      case .replicate: ct_pad($0, widths, 4, "replicate", 0)
      }
    }
  }

  // MARK: Dtype, device, layout

  public func to(_ dtype: DType) -> Tensor {
    if fault == nil && dtype == self.dtype { return self }
    return unary("to") { ct_to($0, dtype.code, device.code) }
  }
  public func to(_ device: Device) -> Tensor {
    if fault == nil && device == self.device { return self }
    return unary("to") { ct_to($0, dtype.code, device.code) }
  }
  /// Converted to another tensor's dtype and device.
  public func to(like other: Tensor) -> Tensor {
    other.fault == nil ? to(other.device).to(other.dtype) : other
  }
  /// The elements in row-major order; copies if they are in another.
  public func contiguous() -> Tensor { unary("contiguous") { ct_contiguous($0, CT_CONTIGUOUS) } }
  /// Images `[N, C, H, W]` in channels-last layout, in which convolutions are fastest.
  public func channelsLast() -> Tensor { unary("channelsLast") { ct_contiguous($0, CT_CHANNELS_LAST) } }
  /// A copy with its own storage.
  public func clone() -> Tensor { unary("clone", ct_clone) }
}
