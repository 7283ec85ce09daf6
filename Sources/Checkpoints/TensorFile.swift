import Failures
import Tensors

/// Tensors by name from any file that is read. The format is detected from the contents, not from the name, and the network is found
/// whatever was wrapped around it (`StateDictLayout`).
public struct TensorFile {
  public enum Format: String, Codable, Sendable {
    case safetensors
    /// `torch.save` since PyTorch 1.6, and before.
    case pytorch, pytorchLegacy = "pytorch_legacy"
  }

  public let format: Format
  /// The network's tensors, without the prefixes of wrappers and without the buffers of a schedule.
  public let state: StateDict
  /// Free text by key, of safetensors.
  public let metadata: [String: String]
  /// Which state dict of the file `state` is, and all that could be: members of a PyTorch file's dictionary, and where a state dict holds
  /// several networks, their prefixes. Nil and none for a file that is one bare state dict.
  public let member: String?, members: [String]
  /// Names of tensors that belong to no network, such as the buffers of a schedule.
  public let leftOut: [String]

  /// - Parameter member: as in `members`; a prefix also by its first words. Nil for the averaged weights, else the only ones.
  /// - Throws: `SfumatoError` for a member that is not there, and for several networks of which none is the average; `CheckpointError`
  ///   or `SafetensorsError`, which name the file and the place in it.
  public init(_ path: String, member: String? = nil) throws {
    format = Self.format(of: path)
    let all: StateDict, outer: String?, others: [String], prefix: String?
    if format == .safetensors {
      let contents = try Safetensors.read(path)
      (all, metadata, outer, others, prefix) = (contents.state, contents.metadata, nil, [], member)
    } else {
      let (contents, inner) = try Self.readPyTorch(path, member)
      (all, metadata, outer, others, prefix) = (contents.state, [:], contents.member, contents.members, inner)
    }
    let layout = try Self.layout(all.entries.map { ($0.name, $0.tensor.shape) }, choosing: prefix, member: outer, path)
    state = StateDict(layout.entries.map { ($0.name, all.entries[$0.index].tensor) })
    (self.member, members) = Self.named(layout, member: outer, of: others)
    leftOut = layout.leftOut
  }

  /// The network among names and shapes.
  /// - Parameter member: of the file, that the names are of.
  /// - Throws: `SfumatoError` that lists the networks there are.
  package static func layout(
    _ tensors: [(name: String, shape: [Int])], choosing prefix: String?, member: String? = nil, _ path: String
  ) throws -> StateDictLayout {
    let layout: StateDictLayout
    do throws(StateDictLayout.Ambiguity) { layout = try StateDictLayout(tensors, choosing: prefix) } catch {
      let list = error.prefixes.map { joined(member, $0) }.joined(separator: ", ")
      let what = prefix.map { "has no network '\($0)'; there are \(list)" } ?? "holds several networks, \(list)"
      throw SfumatoError(
        .usage, "\(path) \(what); choose one by --member, as in '\(ShellCommand("sfumato", "convert", path)) NAME.safetensors --member …'")
    }
    guard prefix == nil || !layout.prefixes.isEmpty else {
      throw SfumatoError(.usage, "\(path) is a single state dict, which has no members; leave --member out")
    }
    return layout
  }

  /// The member that a layout is of, and all that there are.
  package static func named(_ layout: StateDictLayout, member: String?, of others: [String]) -> (String?, [String]) {
    guard layout.prefixes.count > 1 else { return (member, others) }
    let inner = layout.prefixes.map { joined(member, $0) }
    return (joined(member, layout.prefix), others.flatMap { $0 == member ? inner : [$0] } + (member == nil ? inner : []))
  }

  private static func joined(_ member: String?, _ prefix: String) -> String { member.map { "\($0)/\(prefix)" } ?? prefix }

  /// A member of the file's dictionary; or, behind its name or alone, the prefix of a network in it, which is returned.
  private static func readPyTorch(_ path: String, _ member: String?) throws -> (PyTorchFile.Contents, prefix: String?) {
    do { return (try PyTorchFile.read(path, member: member), nil) } catch let error as CheckpointError where error.problem == .ambiguous {
      throw SfumatoError(
        .usage,
        "\(error), by --member; a command without it takes what '\(ShellCommand("sfumato", "convert", path)) NAME.safetensors --member …' writes"
      )
    } catch let error as CheckpointError where error.problem == .noMember {
      let parts = (member ?? "").split(separator: "/")
      let outer = parts.dropLast().joined(separator: "/")
      guard let prefix = parts.last, let contents = try? PyTorchFile.read(path, member: outer.isEmpty ? nil : outer),
        (try? StateDictLayout(contents.state.entries.map { ($0.name, $0.tensor.shape) }, choosing: String(prefix)))?.prefixes.isEmpty
          == false
      else { throw error }
      return (contents, String(prefix))
    }
  }

  /// A file that cannot be read counts as safetensors, whose reader says why.
  public static func format(of path: String) -> Format {
    // Mapping refuses pipes and devices, whose reading might never end.
    guard let file = try? MappedFile(path) else { return .safetensors }
    let start = Array(file.bytes.prefix(9))
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pytorch }
    return ForeignFormat(start) == .pytorch ? .pytorchLegacy : .safetensors
  }
}

extension ForeignFormat {
  /// Refuses a file that is known to be something else than a checkpoint.
  /// - Parameter bytes: of the whole file, or its first `startLength`.
  /// - Throws: `CheckpointError` that says what it is.
  static func refuse(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(CheckpointError) {
    // One so short that nothing says what it is may be a truncated one of any kind, which its reader says.
    let isShort = bytes.count <= 8
    let expected = "a .safetensors file or one of torch.save (.pt, .pth, .bin)"
    switch ForeignFormat(bytes) ?? tensorFlow(path) {
    case nil where !isShort && !mayBeSafetensors(bytes):
      throw CheckpointError(.invalid, path, "is of no format that is recognised; expected \(expected)")
    case nil, .safetensors, .pytorch: return
    // The beginning of a length that is a letter by chance.
    case .text where bytes.count < 4, .json where bytes.count < 2: return
    // What is in a zip that holds a folder, as those of torch.save do, its reader finds out.
    case .zip where mayBeTorch(bytes): return
    case let foreign?:
      throw CheckpointError(.invalid, path, foreign.problem(expected: expected))
    }
  }

  /// Whether the length of a header comes first, or one that is damaged: the header's brace follows, or the length is possible.
  private static func mayBeSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes[8] == UInt8(ascii: "{")
      || UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= UInt64(min(SafetensorsHeader.lengthLimit, bytes.count - 8))
  }

  /// The files of a TensorFlow checkpoint begin with no signature, but their names follow a rule.
  private static func tensorFlow(_ path: String) -> ForeignFormat? {
    let isPart = path.contains(".data-0000") || [".ckpt.index", ".ckpt.meta"].contains(where: path.hasSuffix)
    return isPart ? .tensorFlow : nil
  }

  /// Whether the first entry lies in a folder, or is none because the file is truncated or damaged, which the reader says.
  private static func mayBeTorch(_ zip: UnsafeRawBufferPointer) -> Bool {
    guard zip.count >= 30 else { return true }
    let name = zip[30...].prefix(Int(zip[26]) | Int(zip[27]) << 8)
    return name.isEmpty || name.contains(UInt8(ascii: "/"))
  }
}
