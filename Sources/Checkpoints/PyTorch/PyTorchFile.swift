import Failures
import Tensors

/// Files of PyTorch's `torch.save` (`.pt`, `.pth`, `.ckpt`, `.bin`), zip and legacy, that hold a state dict.
///
/// Such a file is a program for Python's pickle; here it is interpreted by a machine that knows only the operations of state
/// dicts, and nothing is run. Other Python objects beside the tensors are kept by name alone.
public enum PyTorchFile {
  public enum HalfPrecision: Sendable {
    /// The element type of the file.
    case kept
    /// float16 and bfloat16 become float32.
    case widened
  }

  public struct Contents: Sendable {
    public let state: StateDict
    /// The member of the file's dictionary that `state` was; nil where the file holds nothing else.
    public let member: String?
    /// Every member that is a state dict.
    public let members: [String]
    /// Everything else, by name, in the file's order.
    public let rest: [(name: String, value: PyTorchValue)]
  }

  /// Reads a file by mapping it into memory: tensors are views of the file, with its strides, wherever they lie aligned in it.
  ///
  /// Where the state dict is a member of a dictionary, and there are several, an average is taken before the weights
  /// themselves: `params_ema` (Real-ESRGAN's), `ema`, `ema_state_dict` and the like, then `params`, `state_dict`, `model` …
  /// Members of members are looked for where the file's own are not state dicts.
  /// - Parameter member: the member to take in place of that rule, such as `params`; `a/b` for a member of a member.
  /// - Throws: `CheckpointError` that names the place in the file: when it is none of `torch.save`, is damaged, asks for
  ///   something to be run, or lies about lengths; when there is no state dict, or several and no rule which.
  public static func read(_ path: String, member: String? = nil, halfPrecision: HalfPrecision = .kept) throws -> Contents {
    try open(path, halfPrecision) { try contents($0, $1, $2, member) }
  }

  /// The whole contents of a file, tensors by dtype and shape alone.
  /// - Throws: `CheckpointError`, as `read`; a state dict there need not be.
  public static func outline(_ path: String) throws -> PyTorchValue {
    try open(path, .kept) { pickle, source, tensors in
      var unfolding = PickleUnfolding(pickle, source, summary: tensors.summary)
      return try unfolding.value(pickle.root)
    }
  }

  private typealias Use<Result> = (Pickle, PickleSource, StoredTensors) throws -> Result

  private static func open<Result>(_ path: String, _ half: HalfPrecision, _ use: Use<Result>) throws -> Result {
    let file = try MappedFile(path)
    return try withExtendedLifetime(file) {
      try ForeignFormat.refuse(file.bytes, path)
      switch file.bytes.prefix(4).map({ $0 }) {
      case [0x50, 0x4B, 3, 4]: return try openZip(file, path, half, use)
      case let start where start.first == 0x80: return try openLegacy(file, path, half, use)
      default: throw CheckpointError(.invalid, path, "is not a file of torch.save: expected a zip or a pickle")
      }
    }
  }

  private static func openZip<Result>(_ file: MappedFile, _ path: String, _ half: HalfPrecision, _ use: Use<Result>) throws -> Result {
    let directory = try StoredEntries(parsing: file.bytes, path: path)
    let pickles = directory.entries.filter { $0.name.hasSuffix("/data.pkl") && $0.name.split(separator: "/").count == 2 }
    guard let entry = pickles.first, pickles.count == 1 else {
      throw CheckpointError(.invalid, path, "the zip holds \(pickles.count) entries 'NAME/data.pkl'; expected one, as torch.save writes")
    }
    let folder = entry.name.dropLast("data.pkl".count)
    if let order = directory.entries.first(where: { $0.name == folder + "byteorder" }),
      !file.bytes[order.range].elementsEqual("little".utf8)
    {
      throw CheckpointError(.invalid, path, "entry '\(order.name)' says that a big-endian machine wrote the file")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    let source = PickleSource(bytes: bytes, path: path, entry: entry.name)
    let pickle = try PickleMachine.read(source)
    guard pickle.end == bytes.count else { throw source.failure("\(bytes.count - pickle.end) bytes follow the pickle", at: pickle.end) }
    let prefix = folder + "data/"
    var ranges: [String: Range<Int>] = [:]
    for entry in directory.entries where entry.name.hasPrefix(prefix) { ranges[String(entry.name.dropFirst(prefix.count))] = entry.range }
    let tensors = try StoredTensors(pickle, in: file, path: path, ranges: ranges, halfPrecision: half) { "entry '\(prefix)\($0)'" }
    return try use(pickle, source, tensors)
  }

  private static func openLegacy<Result>(_ file: MappedFile, _ path: String, _ half: HalfPrecision, _ use: Use<Result>) throws -> Result {
    let legacy = try LegacyFile(file.bytes, path: path)
    let tensors = try StoredTensors(legacy.pickle, in: file, path: path, ranges: legacy.storages, halfPrecision: half) { "storage '\($0)'" }
    return try use(legacy.pickle, legacy.source, tensors)
  }

  private static func contents(
    _ pickle: Pickle, _ source: PickleSource, _ tensors: StoredTensors, _ member: String?
  ) throws -> Contents {
    let search = StateDictSearch(pickle, source)
    var tensors = tensors, found = try search.find(member)
    var state = StateDict()
    for (name, value) in found.pairs {
      switch value {
      case .tensor(let index): state[name] = try tensors.tensor(index, name: name)
      case .foreign(let index): throw source.problem(with: pickle.foreigns[index], named: name)
      case .global(.foreign(let global, let offset)): throw source.problem(with: Pickle.Foreign(name: global, offset: offset), named: name)
      default: found.rest.append((found.member.map { "\($0)/\(name)" } ?? name, value))
      }
    }
    var unfolding = PickleUnfolding(pickle, source, summary: tensors.summary)
    let rest = try found.rest.map { (name: $0.name, value: try unfolding.value($0.value)) }
    return Contents(state: state, member: found.member, members: search.members, rest: rest)
  }
}
