import Foundation
import Tensors
import Testing

@testable import Checkpoints

enum TorchFormat: CaseIterable { case zip, legacy }

/// A file of these storages whose pickle makes this value.
func torchFile(_ format: TorchFormat, _ value: [UInt8], _ storages: TorchBytes.Storages, elementSize: Int = 4, protocol version: UInt8 = 2)
  -> [UInt8]
{
  let pickle = PickleBytes.program(value, protocol: version)
  return format == .zip ? TorchBytes.zip(pickle, storages).bytes : TorchBytes.legacy(pickle, storages, elementSize: elementSize)
}

@Suite("PyTorch files") struct PyTorchFileTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func read(_ bytes: [UInt8], member: String? = nil, _ half: PyTorchFile.HalfPrecision = .kept) throws -> PyTorchFile.Contents {
    try PyTorchFile.read(folder.file("model.pt", bytes), member: member, halfPrecision: half)
  }

  @Test(arguments: TorchFormat.allCases) func theStateOfAnOptimizerIsNamedAndItsOutlineRead(format: TorchFormat) throws {
    let p = PickleBytes.self
    let moments = p.dictionary([("step", p.vector("0", count: 1)), ("exp_avg", p.vector("1", count: 3))])
    let value = p.dictionary([
      ("state", [0x7D] + p.integer(0) + moments + [0x73]), ("param_groups", p.list([p.dictionary([("lr", p.number(0.1))])])),
    ])
    let path = try folder.file(
      "opt000100.pt", torchFile(format, value, [("0", TorchBytes.floats([1])), ("1", TorchBytes.floats([1, 2, 3]))]))
    let error = try #require(throws: CheckpointError.self) { try PyTorchFile.read(path) }
    #expect(error.problem == .optimizerState && error.message.contains("give the model's file"))
    guard case .dictionary(let states)? = try PyTorchFile.outline(path)["state"], case .dictionary(let state)? = states.first?.value,
      case .tensor(.float32, shape: [3])? = state.last?.value
    else { throw error }
    #expect(states[0].key.integer == 0 && state.map(\.key.text) == ["step", "exp_avg"])
  }

  @Test func aModelBesideAnOptimizerIsStillRead() throws {
    let p = PickleBytes.self
    let optimizer = p.dictionary([("state", p.dictionary([])), ("param_groups", p.list([]))])
    let bytes = torchFile(
      .zip, p.dictionary([("model", p.dictionary([("w", p.vector("0", count: 1))])), ("optimizer", optimizer)]),
      [
        ("0", TorchBytes.floats([4]))
      ])
    #expect(try read(bytes).state["w"]?.floats() == [4])
  }

  private static let names: [(String, DType)] = [
    ("Double", .float64), ("Float", .float32), ("Half", .float16), ("BFloat16", .bfloat16), ("Long", .int64), ("Int", .int32),
    ("Short", .int16), ("Char", .int8), ("Byte", .uint8), ("Bool", .bool),
  ]

  @Test(arguments: TorchFormat.allCases) func everyDtypeIsReadAndHalfPrecisionWidenedWhenAsked(format: TorchFormat) throws {
    #expect(Set(Self.names.map(\.1)) == Set(DType.allCases))
    for (type, dtype) in Self.names {
      let values = Tensor([0, 1, 2.5, 100, 0.125, 7] as [Float]).to(dtype)
      let tensor = PickleBytes.tensor(PickleBytes.storage("0", type, count: 6), [2, 3], strides: [3, 1])
      let file = torchFile(format, PickleBytes.dictionary([("w", tensor)]), [("0", try values.bytes())], elementSize: dtype.size)
      let kept = try #require(try read(file).state["w"]), widened = try #require(try read(file, .widened).state["w"])
      #expect(kept.dtype == dtype && kept.shape == [2, 3], "\(dtype)")
      #expect(try kept.bytes() == values.bytes(), "\(dtype)")
      #expect(widened.dtype == (dtype == .float16 || dtype == .bfloat16 ? .float32 : dtype))
      #expect(try widened.doubles() == values.doubles(), "\(dtype)")
    }
  }

  /// Twelve floats and views of them.
  private static let views: [(String, start: Int, shape: [Int], strides: [Int], want: [Float])] = [
    ("whole", 0, [3, 4], [4, 1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), ("row", 4, [4], [1], [4, 5, 6, 7]),
    ("turned", 0, [4, 3], [1, 4], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]), ("every_other", 1, [2, 2], [8, 2], [1, 3, 9, 11]),
    ("repeated", 2, [2, 3], [0, 1], [2, 3, 4, 2, 3, 4]), ("scalar", 11, [], [], [11]), ("none", 12, [0, 3], [3, 1], []),
  ]

  @Test(arguments: TorchFormat.allCases, [PyTorchFile.HalfPrecision.kept, .widened])
  func viewsWithOffsetsAndStridesShareTheirStorage(format: TorchFormat, half: PyTorchFile.HalfPrecision) throws {
    for (type, dtype) in [("Float", DType.float32), ("Half", .float16)] {
      let pairs = Self.views.map {
        ($0.0, PickleBytes.tensor(PickleBytes.storage("7", type, count: 12), start: $0.start, $0.shape, strides: $0.strides))
      }
      let bytes = try Tensor((0..<12).map { Float($0) }).to(dtype).bytes()
      let state = try read(torchFile(format, PickleBytes.dictionary(pairs), [("7", bytes)], elementSize: dtype.size), half).state
      #expect(state.names == Self.views.map { $0.0 })
      for view in Self.views {
        let tensor = try #require(state[view.0])
        #expect(tensor.shape == view.shape && tensor.strides == view.strides, "\(view.0)")
        #expect(try tensor.floats() == view.want, "\(view.0)")
      }
    }
  }

  @Test(arguments: 0..<8) func legacyStoragesThatBeginAnywhereAreRead(shift: Int) throws {
    let name = String(repeating: "n", count: 1 + shift)
    let double = PickleBytes.tensor(PickleBytes.storage("a", "Double", count: 2), [2], strides: [1])
    let file = torchFile(
      .legacy, PickleBytes.dictionary([(name, double)]), [("a", [1.5, -3].withUnsafeBytes { Array($0) })], elementSize: 8)
    #expect(try (read(file).state[name]! * 2).doubles() == [3, -6])
  }

  @Test func aLegacyStorageThatIsAPartOfAnotherIsRead() throws {
    let view = PickleBytes.tuple([PickleBytes.text("v"), PickleBytes.integer(1), PickleBytes.integer(2)])
    let part = PickleBytes.tensor(PickleBytes.storage("a", count: 4, view: view), start: 1, [1], strides: [1])
    let whole = PickleBytes.tensor(PickleBytes.storage("a", count: 4, view: PickleBytes.none), [4], strides: [1])
    let file = torchFile(.legacy, PickleBytes.dictionary([("part", part), ("whole", whole)]), [("a", TorchBytes.floats([5, 6, 7, 8]))])
    let state = try read(file).state
    #expect(try state["part"]!.floats() == [7] && state["whole"]!.floats() == [5, 6, 7, 8])
  }

  @Test func theWaysInWhichPythonWritesAStateDictAreAllRead() throws {
    let p = PickleBytes.self
    let vector = p.vector("0", count: 2), tuple = p.tuple
    let attributes = p.dictionary([("note", p.text("x"))])
    let parameter = p.call("torch._utils", "_rebuild_parameter", [vector, p.yes, p.orderedDict])
    let inner = tuple([p.storage("0", count: 2), p.integer(0), p.numbers([2]), p.numbers([1]), p.no, p.orderedDict])
    let withAttributes = p.call(
      "torch._tensor", "_rebuild_from_type_v2",
      [p.global("torch._utils", "_rebuild_tensor_v2"), p.global("torch", "Tensor"), inner, attributes])
    let old = p.call(
      "torch._utils", "_rebuild_tensor",
      [p.storage("0", count: 2), p.integer(0), p.call("torch", "Size", [p.numbers([2])]), p.numbers([1])])
    for (value, version) in [
      (p.dictionary([("w", vector)]), UInt8(2)), (p.dictionary([("w", parameter)]), 2), (p.dictionary([("w", withAttributes)]), 2),
      (p.dictionary([("w", old)]), 2),
      // An OrderedDict, with the attribute _metadata; one as Python 2 writes it; one item set on its own; one made of what
      // stands above a mark.
      (p.orderedDict + p.mark + p.text("w") + vector + [0x75] + p.dictionary([("_metadata", p.orderedDict)]) + [0x62], 2),
      (p.call("collections", "OrderedDict", [p.list([p.list([p.text("w"), vector])])]), 2), ([0x7D] + p.text("w") + vector + [0x73], 2),
      (p.mark + p.text("w") + vector + [0x64], 2),
      // Protocol 4: a frame, short text, a global by the stack, the memo in turn.
      (
        [0x95] + p.little(UInt64(20)) + p.short("collections") + [0x94] + p.short("OrderedDict") + [0x94, 0x93, 0x94, 0x29, 0x52, 0x94]
          + p.short("w") + vector + [0x73], 4
      ),
    ] {
      for format in TorchFormat.allCases {
        let contents = try read(torchFile(format, value, [("0", TorchBytes.floats([1.5, -2]))], protocol: version))
        #expect(contents.state.names == ["w"] && contents.member == nil && contents.rest.isEmpty)
        #expect(try contents.state["w"]!.floats() == [1.5, -2])
      }
    }
  }

  @Test func aNameThatComesTwiceHasItsLastTensorAtItsFirstPlace() throws {
    let value = PickleBytes.dictionary([
      ("a", PickleBytes.vector("0", count: 1)), ("b", PickleBytes.vector("1", count: 1)), ("a", PickleBytes.vector("1", count: 1)),
    ])
    let state = try read(torchFile(.zip, value, [("0", TorchBytes.floats([1])), ("1", TorchBytes.floats([2]))])).state
    #expect(try state.names == ["a", "b"] && state["a"]!.floats() == [2])
  }

  @Test func valuesBesideTheTensorsAreKept() throws {
    let p = PickleBytes.self
    let value = p.dictionary([
      ("state_dict", p.dictionary([("w", p.vector("0", count: 1)), ("w._extra_state", p.none)])), ("epoch", p.integer(-300)),
      ("rate", p.number(0.9999)), ("big", [0x8A, 9] + [UInt8](repeating: 1, count: 9)),
      ("betas", p.tuple([p.number(0.9), p.yes])), ("name", p.text("tiny")),
      ("optimizer", [0x7D] + p.integer(0) + p.vector("1", count: 3) + [0x73]), ("kind", p.call("numpy", "dtype", [p.text("f4")])),
      ("device", p.global("torch", "float32")),
    ])
    let contents = try read(torchFile(.zip, value, [("0", TorchBytes.floats([1])), ("1", TorchBytes.floats([1, 2, 3]))]))
    #expect(contents.member == "state_dict" && contents.members == ["state_dict"] && contents.state.names == ["w"])
    #expect(
      contents.rest.map(\.name) == ["epoch", "rate", "big", "betas", "name", "optimizer", "kind", "device", "state_dict/w._extra_state"])
    let rest = Dictionary(uniqueKeysWithValues: contents.rest.map { ($0.name, $0.value) })
    #expect(rest["epoch"]?.integer == -300 && rest["rate"]?.number == 0.9999 && rest["name"]?.text == "tiny")
    guard case .list(let betas) = rest["betas"], case .bool(true) = betas[1], case .bytes(let big) = rest["big"],
      case .foreign("numpy.dtype") = rest["kind"], case .foreign("torch.float32") = rest["device"],
      case .dictionary(let optimizer) = rest["optimizer"], case .tensor(.float32, shape: [3]) = optimizer[0].value
    else { return #expect(Bool(false), "\(rest)") }
    #expect(betas[0].number == 0.9 && big.count == 9)
  }

  // MARK: Members

  private func nested(_ members: [String]) -> [UInt8] {
    torchFile(
      .zip, PickleBytes.dictionary(members.map { ($0, PickleBytes.dictionary([("w", PickleBytes.vector($0, count: 1))])) }),
      members.enumerated().map { ($1, TorchBytes.floats([Float($0)])) })
  }

  @Test(arguments: [
    (["params", "params_ema"], "params_ema"), (["state_dict", "ema_state_dict"], "ema_state_dict"), (["model", "ema", "rng"], "ema"),
    (["rng", "model"], "model"), (["whatever"], "whatever"), (["state_dict", "other"], "state_dict"),
  ]) func theMemberIsChosenByRule(members: [String], chosen: String) throws {
    let contents = try read(nested(members))
    #expect(contents.member == chosen && contents.members == members)
    #expect(try contents.state["w"]!.item() == Double(members.firstIndex(of: chosen)!))
    #expect(contents.rest.map(\.name) == members.filter { $0 != chosen })
    for member in members {
      #expect(try read(nested(members), member: member).state["w"]!.item() == Double(members.firstIndex(of: member)!))
    }
  }

  @Test(arguments: [["unet", "vae"], ["params_ema", "ema"], ["state_dict", "model"]]) func severalWithoutARuleAreListed(members: [String])
    throws
  {
    let error = #expect(throws: CheckpointError.self) { try read(nested(members)) }
    #expect(
      error?.description
        == "\(folder.path)/model.pt: holds several state dicts, '\(members[0])', '\(members[1])'; say which member to read")
  }

  @Test func aMemberOfAMemberIsReadAndOneThatIsNotThereIsRefusedByName() throws {
    let p = PickleBytes.self
    let inner = p.dictionary([("params", p.dictionary([("w", p.vector("0", count: 1))])), ("step", p.integer(3))])
    let file = torchFile(.zip, p.dictionary([("net", inner), ("epoch", p.integer(1))]), [("0", TorchBytes.floats([4]))])
    #expect(try read(file, member: "net/params").state["w"]!.item() == 4)
    for (member, words) in [
      ("ema", "has no member 'ema'; it holds 'net', 'epoch'"),
      ("net/w", "has no member 'net/w'; it holds 'params', 'step'"),
      ("epoch", "member 'epoch' is 1, not a state dict; the state dicts are 'net/params'"),
      ("", "has no member of the name ''; the state dicts are 'net/params'"),
    ] {
      let error = #expect(throws: CheckpointError.self) { try read(file, member: member) }
      #expect(error?.message == words)
    }
  }

  /// Dictionaries in dictionaries, the innermost of one tensor whose number is its storage's.
  private func nested(along paths: [String]) -> [UInt8] {
    struct Node {
      var storage: Int?
      var members: [(String, Node)] = []

      mutating func add(_ path: ArraySlice<Substring>, _ storage: Int) {
        guard let name = path.first.map(String.init) else { return self.storage = storage }
        if !members.contains(where: { $0.0 == name }) { members.append((name, Node())) }
        members[members.firstIndex { $0.0 == name }!].1.add(path.dropFirst(), storage)
      }
      var value: [UInt8] {
        let tensor = storage.map { [("w", PickleBytes.vector("\($0)", count: 1))] } ?? []
        return PickleBytes.dictionary(tensor + members.map { ($0.0, $0.1.value) } + [("step", PickleBytes.integer(3))])
      }
    }
    var root = Node()
    for (index, path) in paths.enumerated() { root.add(path.split(separator: "/")[...], index) }
    return torchFile(.zip, root.value, paths.indices.map { ("\($0)", TorchBytes.floats([Float($0)])) })
  }

  @Test(arguments: [
    (["net/params"], "net/params", ["net/params"]), (["a/b/c/d"], "a/b/c/d", ["a/b/c/d"]),
    (["ckpt/model", "ckpt/ema"], "ckpt/ema", ["ckpt/model", "ckpt/ema"]),
    // The nearest to the root, whatever the deeper ones are called.
    (["run/ema", "weights"], "weights", ["weights"]), (["a/b/ema", "a/model"], "a/model", ["a/model"]),
  ]) func aStateDictIsFoundAtAnyDepth(paths: [String], chosen: String, members: [String]) throws {
    let contents = try read(nested(along: paths))
    #expect(contents.member == chosen && contents.members == members && contents.state.names == ["w"])
    for path in paths {
      #expect(try read(nested(along: paths), member: path).state["w"]!.item() == Double(paths.firstIndex(of: path)!))
    }
  }

  @Test func severalDeepOnesAreListedByTheWayToThem() throws {
    let error = #expect(throws: CheckpointError.self) { try read(nested(along: ["g/ema", "d/ema"])) }
    #expect(error?.problem == .ambiguous)
    #expect(error?.message == "holds several state dicts, 'g/ema', 'd/ema'; say which member to read")
    // Seven names are no state dict's.
    let deep = #expect(throws: CheckpointError.self) { try read(nested(along: ["a/b/c/d/e/f/g"])) }
    #expect(deep?.message == "holds no state dict; it holds 'a', 'step'")
  }

  @Test func valuesThatAreNotAStateDictAreDescribed() throws {
    let p = PickleBytes.self
    for (value, words) in [
      (p.list([p.vector("0", count: 1)]), "holds a list; expected a dictionary of tensors by name"),
      (p.vector("0", count: 1), "holds a tensor;"),
      ([0x7D], "holds no state dict; it holds nothing by name"),
      (p.call("net", "Tiny", [p.vector("0", count: 1)]), "byte 2: a whole object of net.Tiny, not its state dict"),
      (
        p.dictionary([("w", p.vector("0", count: 1)), ("v", p.call("torch._utils", "_rebuild_qtensor", []))]),
        "'v' is made by torch._utils._rebuild_qtensor, which is not known here and was not run; expected a tensor"
      ),
      (p.dictionary([("w", p.vector("0", count: 1)), ("v", p.global("torch", "float32"))]), "'v' is made by torch.float32"),
    ] {
      let error = #expect(throws: CheckpointError.self) { try read(torchFile(.zip, value, [("0", TorchBytes.floats([4]))])) }
      #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
  }

  // MARK: The file

  @Test(arguments: TorchFormat.allCases) func tensorsOutliveTheFileAndWhatItHeld(format: TorchFormat) throws {
    let values = (0..<50_000).map { Float($0) }
    func one() throws -> Tensor {
      try read(
        torchFile(format, PickleBytes.dictionary([("w", PickleBytes.vector("0", count: 50_000))]), [("0", TorchBytes.floats(values))])
      ).state["w"]!
    }
    let tensor = try one()
    try FileManager.default.removeItem(atPath: "\(folder.path)/model.pt")
    #expect(try tensor.floats() == values)
  }

  @Test(arguments: TorchFormat.allCases) func aFileTruncatedAnywhereIsRefusedByName(format: TorchFormat) throws {
    let whole = torchFile(
      format, PickleBytes.dictionary([("a", PickleBytes.vector("0", count: 2)), ("b", PickleBytes.vector("1", count: 1))]),
      [("0", TorchBytes.floats([1, 2])), ("1", TorchBytes.floats([3]))])
    #expect(try read(whole).state.count == 2)
    for count in 1..<whole.count {
      let error = #expect(throws: CheckpointError.self, "\(count) bytes") { try read(Array(whole[..<count])) }
      #expect(error?.path == "\(folder.path)/model.pt")
    }
    #expect(throws: CheckpointError.self) { try read(whole + [0]) }
  }

  @Test(arguments: TorchFormat.allCases) func everyFlippedByteGivesAnErrorOrTensorsThatCanBeRead(format: TorchFormat) throws {
    let whole = torchFile(
      format, PickleBytes.dictionary([("a", PickleBytes.vector("0", count: 2))]), [("0", TorchBytes.floats([1, 2]))])
    for index in whole.indices {
      for mask: UInt8 in [0x01, 0x10, 0x80, 0xFF] {
        var flipped = whole
        flipped[index] ^= mask
        guard let contents = try? read(flipped) else { continue }
        for entry in contents.state.entries { #expect(try entry.tensor.bytes().count <= 16) }
      }
    }
  }

  @Test func aFileNotOfTorchSaveIsATypedError() throws {
    for (bytes, words) in [
      ([1, 2, 0, 255], "is not a file of torch.save: expected a zip or a pickle"),
      (PickleBytes.program(PickleBytes.integer(3)), "is a pickle, but not one of torch.save"),
      (ZipBytes(entries: [ZipBytes.Entry("a/a.txt", [1])]).bytes, "the zip holds 0 entries 'NAME/data.pkl'; expected one"),
      ([0x50, 0x4B, 3, 4], "the zip has no directory at its end, 4 bytes"),
    ] {
      let error = #expect(throws: CheckpointError.self) { try read(bytes) }
      #expect(error?.problem == .invalid && error?.message.contains(words) == true, "\(String(describing: error))")
    }
    #expect(throws: CheckpointError.self) { try PyTorchFile.read("\(folder.path)/none.pt") }
  }
}
