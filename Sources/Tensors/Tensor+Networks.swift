internal import CTorch

extension Tensor {
  public func matmul(_ other: Tensor) -> Tensor { binary("matmul", other, ct_matmul) }

  /// x weightᵀ + bias. x: `[…, I]`, weight: `[O, I]`, bias: `[O]`.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    OperationCount.current?.addLinear(shape, weight.shape)
    return withOptional("linear", [self, weight], [bias]) { ct_linear($0[0], $0[1], $1[0]) }
  }
  /// conv(x) + bias + perImage + residual, in one operation where that is possible. 3 x 3 convolutions of float32 images in channels-last
  /// layout on the CPU are computed by Winograd's algorithm where that is faster (`Torch.exactConvolutions`).
  /// - Parameters: x (self): `[N, C, H, W]`; weight: `[O, C, K, K]`; bias: `[O]`; perImage: `[N, O]`, added to all pixels of an image;
  ///   residual: `[N, O, H', W']`.
  public func conv2d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, perImage: Tensor? = nil, addingTo residual: Tensor? = nil
  ) -> Tensor {
    OperationCount.current?.addConvolution(shape, weight.shape, stride: stride, padding: padding)
    return withOptional("conv2d", [self, weight], [bias, perImage, residual]) {
      ct_conv2d($0[0], $0[1], $1[0], $1[1], $1[2], Int64(stride), Int64(padding))
    }
  }
  /// Rows of the table self, `[K, E]`, by index: `[N]` int64 to `[N, E]`.
  public func embedding(_ indices: Tensor) -> Tensor { binary("embedding", indices, ct_embedding) }
  /// Class indices `[N]` int64 to `[N, classes]` int64.
  public func oneHot(_ classes: Int) -> Tensor { unary("oneHot") { ct_one_hot($0, Int64(classes)) } }
  /// Normalises over the last axis (Ba et al. 2016).
  public func layerNorm(_ weight: Tensor? = nil, _ bias: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
    withOptional("layerNorm", [self], [weight, bias]) { ct_layer_norm($0[0], $1[0], $1[1], eps) }
  }
  /// Zeroes each element with probability p and scales the others by 1 / (1 - p).
  public func dropout(_ p: Double, using generator: Generator) -> Tensor {
    guard let raw = generator.raw else { return failed("dropout", "there is no random generator on \(generator.device)") }
    return unary("dropout") { ct_dropout($0, p, raw) }
  }
  /// Means over squares of pixels, `[N, C, H, W]` to `[N, C, H', W']`; what lies beyond the edge does not count.
  /// - Parameter stride: from square to square; nil for squares side by side.
  public func avgPool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    unary("avgPool2d") { ct_avg_pool2d($0, Int64(kernel), Int64(stride ?? kernel), Int64(padding)) }
  }
  /// The largest values of squares of pixels; otherwise as `avgPool2d`.
  public func maxPool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    unary("maxPool2d") { ct_max_pool2d($0, Int64(kernel), Int64(stride ?? kernel), Int64(padding)) }
  }

  public enum Interpolation: String, Sendable { case nearest, bilinear, bicubic }
  /// Resizes images; pixels are areas (corners are not aligned).
  public func interpolate(height: Int, width: Int, _ mode: Interpolation) -> Tensor {
    unary("interpolate") { ct_interpolate($0, Int64(height), Int64(width), mode.rawValue) }
  }
  /// `[N, C f², H, W]` to `[N, C, H f, W f]`.
  public func pixelShuffle(_ factor: Int) -> Tensor { unary("pixelShuffle") { ct_pixel_shuffle($0, Int64(factor)) } }
  /// `[N, C, H f, W f]` to `[N, C f², H, W]`; each channel's f² outputs are ordered by row, then column.
  public func pixelUnshuffle(_ factor: Int) -> Tensor { unary("pixelUnshuffle") { ct_pixel_unshuffle($0, Int64(factor)) } }

  /// softmax(q kᵀ / √d) v in one operation (Vaswani et al. 2017). q, k, v: `[N, heads, length, d]`.
  public static func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    OperationCount.current?.addAttention(q.shape, k.shape)
    return apply("attention", [q, k, v]) { ct_attention($0[0], $0[1], $0[2]) }
  }

  public enum Activation: Sendable { case identity, silu }
  /// activation(groupNorm(x) (1 + scale) + shift) in one operation (Wu and He 2018; Dhariwal and Nichol 2021).
  ///
  /// On the CPU, for float32 and bfloat16 images in channels-last layout, one fused kernel each for forward and backward;
  /// statistics are computed in float32 and float64 whatever x's dtype.
  /// - Parameters: x (self): `[N, C, H, W]`; weight, bias: `[C]`; scale, shift: `[N, C]`.
  public func groupNorm(
    groups: Int, _ weight: Tensor? = nil, _ bias: Tensor? = nil, eps: Double = 1e-5, scale: Tensor? = nil, shift: Tensor? = nil,
    activation: Activation = .identity
  ) -> Tensor {
    withOptional("groupNorm", [self], [weight, bias, scale, shift]) {
      ct_group_norm($0[0], Int64(groups), $1[0], $1[1], eps, $1[2], $1[3], activation == .silu ? CT_SILU : CT_IDENTITY)
    }
  }

  /// activation(norm(x) (1 + scale) + shift) in one operation, with means and deviations over the channels of each pixel: a layer norm
  /// (Ba, Kiros and Hinton 2016).
  ///
  /// Kernels, dtypes and operands are those of `groupNorm`.
  public func pixelNorm(
    _ weight: Tensor? = nil, _ bias: Tensor? = nil, eps: Double = 1e-5, scale: Tensor? = nil, shift: Tensor? = nil,
    activation: Activation = .identity
  ) -> Tensor {
    withOptional("pixelNorm", [self], [weight, bias, scale, shift]) {
      ct_pixel_norm($0[0], $1[0], $1[1], eps, $1[2], $1[3], activation == .silu ? CT_SILU : CT_IDENTITY)
    }
  }

  /// `apply` for operations with optional operands.
  fileprivate func withOptional(
    _ name: String, _ operands: [Tensor], _ optional: [Tensor?], _ body: ([OpaquePointer], [OpaquePointer?]) -> OpaquePointer?
  ) -> Tensor {
    Tensor.apply(name, operands + optional.compactMap { $0 }) { handles in
      var rest = handles.dropFirst(operands.count)
      return body(Array(handles.prefix(operands.count)), optional.map { $0 == nil ? nil : rest.removeFirst() })
    }
  }
}

/// A convolution for inference, with weights cast to a dtype once and, on the CPU, packed once for the sizes of images that they meet.
public final class PackedConv2d: Sendable {
  nonisolated(unsafe) private let raw: OpaquePointer?  // what the shim keeps for it is behind a lock
  private let failure: TorchFault?

  /// - Parameters: weight: `[O, C, K, K]`; bias: `[O]`.
  public init(_ weight: Tensor, _ bias: Tensor?, stride: Int, padding: Int, dtype: DType) {
    var packed: OpaquePointer?
    do throws(TorchFault) {
      try Tensor.run("pack", [weight] + (bias.map { [$0] } ?? [])) {
        packed = ct_conv_pack($0[0], $0.count > 1 ? $0[1] : nil, Int64(stride), Int64(padding), dtype.code)
        return packed == nil ? -1 : 0
      }
      failure = nil
    } catch {
      failure = error
    }
    raw = packed
  }

  deinit { ct_conv_free(raw) }

  /// conv(x), plus what is given, in one pass where that is possible. x: `[N, C, H, W]` in the dtype of the packed weights; perImage:
  /// `[N, O]`, added to all pixels of an image; residual: as the result.
  public func callAsFunction(_ x: Tensor, perImage: Tensor? = nil, addingTo residual: Tensor? = nil) -> Tensor {
    guard let raw else { return Tensor(failing: failure!) }
    return withExtendedLifetime(self) {
      x.withOptional("packed conv2d", [x], [perImage, residual]) { ct_conv_apply(raw, $0[0], $1[0], $1[1]) }
    }
  }
}
