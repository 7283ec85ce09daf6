internal import CTorch

/// The type of a tensor's elements.
public enum DType: String, Sendable, Hashable, Codable, CaseIterable {
  case float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }

  private static let codes: [(DType, ct_dtype)] = [
    (.float32, CT_F32), (.float64, CT_F64), (.float16, CT_F16), (.bfloat16, CT_BF16), (.int64, CT_I64),
    (.int32, CT_I32), (.int16, CT_I16), (.int8, CT_I8), (.uint8, CT_U8), (.bool, CT_BOOL),
  ]

  var code: ct_dtype { Self.codes.first { $0.0 == self }!.1 }
  init(code: ct_dtype) { self = Self.codes.first { $0.1 == code }!.0 }
}
