import Tensors

/// A class or function of Python that a pickle names. The known ones are understood, as data; no other is ever looked up.
enum PickleGlobal {
  case orderedDict
  case set
  /// `torch.Size`, a tuple of sizes.
  case size
  case rebuildTensor, rebuildParameter
  /// A tensor with attributes: (function, class, arguments of the function, attributes).
  case rebuildFromType
  case storage(DType)
  case foreign(name: String, offset: Int)

  private static let known: [String: PickleGlobal] = [
    "collections.OrderedDict": .orderedDict, "builtins.set": .set, "builtins.frozenset": .set, "__builtin__.set": .set,
    "__builtin__.frozenset": .set, "torch.Size": .size, "torch._utils._rebuild_tensor": .rebuildTensor,
    "torch._utils._rebuild_tensor_v2": .rebuildTensor, "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch._utils._rebuild_parameter_with_state": .rebuildParameter, "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
    "torch.DoubleStorage": .storage(.float64), "torch.FloatStorage": .storage(.float32), "torch.HalfStorage": .storage(.float16),
    "torch.BFloat16Storage": .storage(.bfloat16), "torch.LongStorage": .storage(.int64), "torch.IntStorage": .storage(.int32),
    "torch.ShortStorage": .storage(.int16), "torch.CharStorage": .storage(.int8), "torch.ByteStorage": .storage(.uint8),
    "torch.BoolStorage": .storage(.bool),
  ]

  /// Packages whose business in a file is to run something when Python reads it. Nothing that is foreign is run here, but a
  /// file that names these is not what it claims to be.
  private static let running: Set<String> = [
    "os", "posix", "nt", "subprocess", "sys", "runpy", "importlib", "imp", "shutil", "socket", "ctypes", "pickle", "_pickle", "cPickle",
    "code", "pty", "commands", "webbrowser", "multiprocessing", "marshal",
  ]
  /// What is harmless of `builtins`.
  private static let plainBuiltins: Set<String> = [
    "list", "dict", "tuple", "int", "long", "float", "bool", "str", "unicode", "bytes", "bytearray", "complex", "slice", "range", "xrange",
    "object",
  ]

  /// - Parameter offset: where in the pickle it is named.
  init(module: String, name: String, offset: Int) {
    let full = "\(module).\(name)"
    self = Self.known[full] ?? .foreign(name: full.count > 120 ? "\(full.prefix(120))…" : full, offset: offset)
  }

  /// Whether Python would run something by it.
  static func runs(module: String, name: String) -> Bool {
    let package = String(module.prefix { $0 != "." })
    if package == "builtins" || package == "__builtin__" {
      return known["\(module).\(name)"] == nil && !plainBuiltins.contains(name)
    }
    return running.contains(package)
  }

  var name: String {
    switch self {
    case .foreign(let name, _): name
    case .orderedDict: "collections.OrderedDict"
    case .set: "builtins.set"
    case .size: "torch.Size"
    case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
    case .rebuildParameter: "torch._utils._rebuild_parameter"
    case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
    case .storage(let dtype): "a torch storage of \(dtype)"
    }
  }
}
