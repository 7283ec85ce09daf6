/// A tensor of PyTorch's of a kind that no network has weights of.
enum UnreadTensor {
  /// An unsupported element type, such as `torch.complex64`.
  case numbers(String)
  /// An unsupported storage class, such as `torch.QInt8Storage`.
  case quantised(String)
  case sparse, nested
  /// A tensor without data, on the device meta.
  case empty

  /// Told from the class of its storage; nil for one that is not known.
  init?(storage name: String) {
    switch name {
    case "torch.ComplexFloatStorage": self = .numbers("torch.complex64")
    case "torch.ComplexDoubleStorage": self = .numbers("torch.complex128")
    case "torch.QInt8Storage", "torch.QUInt8Storage", "torch.QInt32Storage", "torch.QUInt4x2Storage", "torch.QUInt2x4Storage":
      self = .quantised(name)
    default: return nil
    }
  }

  /// Told from the function that would make it; nil for one that makes something else.
  init?(madeBy name: String, _ arguments: [Pickle.Value], in pickle: Pickle) {
    switch name {
    case "torch._utils._rebuild_tensor_v3":
      // (storage, offset, shape, strides, requires_grad, hooks, dtype, …)
      guard arguments.count > 6, case .global(.foreign(let dtype, _)) = arguments[6] else { return nil }
      self = .numbers(dtype)
    case "torch._utils._rebuild_qtensor":
      guard case .foreign(let storage) = arguments.first else { return nil }
      self = .quantised(pickle.foreigns[storage].name)
    case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor": self = .sparse
    case "torch._utils._rebuild_nested_tensor": self = .nested
    case "torch._utils._rebuild_meta_tensor_no_storage": self = .empty
    default: return nil
    }
  }

  /// What it is, and what of a tensor `w` to save in its place.
  private var words: (kind: String, remedy: String) {
    func short(_ name: String) -> String { name.hasPrefix("torch.") ? String(name.dropFirst("torch.".count)) : name }
    switch self {
    case .numbers(let dtype):
      return ("of \(short(dtype)) numbers", short(dtype).hasPrefix("complex") ? "torch.view_as_real(w)" : "w.float()")
    case .quantised(let storage): return ("of quantised numbers (\(short(storage)))", "w.dequantize()")
    case .sparse: return ("in a sparse layout", "w.to_dense()")
    case .nested: return ("of tensors of several sizes", "each as a tensor of its own")
    case .empty: return ("without numbers, on the device meta", "one that has them")
    }
  }

  /// - Parameter name: that of the tensor in its state dict.
  func problem(_ name: String) -> String {
    "'\(name.prefix(100))' is a tensor \(words.kind), which is not read; in Python save \(words.remedy) in its place"
  }
}

extension PickleSource {
  func problem(with foreign: Pickle.Foreign, named name: String) -> CheckpointError {
    let message =
      foreign.tensor?.problem(name)
      ?? "'\(name.prefix(100))' is made by \(foreign.name), which is not known here and was not run; expected a tensor"
    return failure(message, at: foreign.offset)
  }
}
