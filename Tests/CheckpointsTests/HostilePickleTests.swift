import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// Files that would run a command if they were unpickled; the command leaves a trace.
@Suite("Hostile pickles") struct HostilePickleTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private typealias P = PickleBytes
  private let weights = PickleBytes.dictionary([("w", PickleBytes.vector("0", count: 4))])

  /// The message of the error with which a file of one storage of four floats is refused; empty when it is read.
  private func complaint(_ value: [UInt8], _ format: TorchFormat = .zip) throws -> String {
    let path = try folder.file("model.pt", torchFile(format, value, [("0", TorchBytes.floats([1, 2, 3, 4]))]))
    do { _ = try PyTorchFile.read(path) } catch {
      let text = "\(error)"
      #expect(text.hasPrefix("\(path): "))
      return String(text.dropFirst(path.count + 2))
    }
    return ""
  }

  // MARK: Running something

  /// The ways to have `os.system(command)` run when a pickle is read.
  private func attacks(_ command: String) -> [(String, [UInt8])] {
    let argument = P.tuple([P.text(command)])
    let names = Array("os\nsystem\n".utf8)
    return [
      ("GLOBAL and REDUCE", P.global("os", "system") + argument + P.reduce),
      ("STACK_GLOBAL", P.text("os") + P.text("system") + [0x93] + argument + P.reduce),
      ("posix", P.global("posix", "system") + argument + P.reduce),
      ("NEWOBJ", P.global("os", "system") + argument + [0x81]), ("NEWOBJ_EX", P.global("os", "system") + argument + [0x7D, 0x92]),
      ("INST", P.mark + P.text(command) + [0x69] + names), ("OBJ", P.mark + P.global("os", "system") + P.text(command) + [0x6F]),
      ("BUILD", [0x7D] + P.dictionary([("__setstate__", P.global("os", "system"))]) + [0x62] + P.text(command) + [0x62]),
      ("eval", P.global("__builtin__", "eval") + P.tuple([P.text("__import__('os').system('\(command)')")]) + P.reduce),
      ("getattr", P.global("builtins", "getattr") + P.tuple([P.global("builtins", "dict"), P.text("x")]) + P.reduce),
      ("EXT1", [0x82, 1] + argument + P.reduce), ("PERSID", [0x50] + Array("os.system\n".utf8)),
    ]
  }

  @Test(arguments: TorchFormat.allCases) func aPickleThatWouldRunACommandIsRefusedAnywhereAndNothingRuns(format: TorchFormat) throws {
    let trace = "\(folder.path)/trace"
    for (name, attack) in attacks("touch \(trace)") {
      for value in [
        attack, P.dictionary([("w", attack)]), P.dictionary([("state_dict", weights), ("beside", attack)]), attack + [0x30] + weights,
      ] {
        let complaint = try complaint(value, format)
        #expect(complaint.contains("byte ") && !complaint.isEmpty, "\(name): \(complaint)")
        #expect(complaint.hasPrefix("entry 'model/data.pkl', byte ") || format == .legacy, "\(name): \(complaint)")
      }
    }
    #expect(try folder.names == ["model.pt"])
    #expect(
      try complaint(P.global("os", "system") + P.tuple([P.text("x")]) + P.reduce)
        == "entry 'model/data.pkl', byte 2: the file wants os.system to be run, which is refused; nothing was run. Do not trust it")
  }

  @Test func anUnknownFunctionIsNamedInTheStateAndInertBesideIt() throws {
    // Harmless in its name: only that nothing is run protects here.
    let call = P.call("antigravity", "fly", [P.text("moon")]) + P.dictionary([("speed", P.integer(9))]) + [0x62]
    #expect(
      try complaint(P.dictionary([("w", P.vector("0", count: 4)), ("v", call)])).contains(
        "'v' is made by antigravity.fly, which is not known here and was not run; expected a tensor"))
    #expect(try complaint(P.dictionary([("state_dict", weights), ("beside", call)])) == "")
    // What is put into it, or made by what it returns, is as inert.
    for value in [
      call + P.mark + P.integer(1) + P.integer(2) + [0x65], call + P.text("k") + P.integer(1) + [0x73], call + [0x29] + P.reduce,
    ] {
      #expect(try complaint(P.dictionary([("state_dict", weights), ("beside", value)])) == "")
    }
  }

  // MARK: Depth and size

  @Test func deepNestingIsRefusedOrCostsNothing() throws {
    let deep = 200_000
    let lists = [UInt8](repeating: 0x5D, count: deep) + [UInt8](repeating: 0x61, count: deep - 1)
    #expect(try complaint(P.dictionary([("state_dict", weights), ("beside", lists)])).contains("values are nested deeper than 64"))
    #expect(try complaint(lists) == "holds a list; expected a dictionary of tensors by name")
    let tuples = P.none + [UInt8](repeating: 0x85, count: deep)
    #expect(try complaint(P.dictionary([("state_dict", weights), ("beside", tuples)])).contains("nested deeper"))
    #expect(try complaint([UInt8](repeating: 0x28, count: deep)).contains("ends with 0 values on its stack"))
    let within = [0x5D] + P.put(1) + P.get(1) + [0x61]
    #expect(
      try complaint(P.dictionary([("state_dict", weights), ("beside", within)])).contains("nested deeper than 64, or within themselves"))
    let ownMember = [0x7D] + P.put(1) + P.text("model") + P.get(1) + [0x73]
    #expect(try complaint(ownMember) == "holds no state dict; it holds 'model'")
  }

  @Test func sharedValuesThatUnfoldWithoutEndAreRefused() throws {
    // Each list holds the one before ten times: ten to the thirtieth values in all.
    var bomb = P.list([P.text("lol")]) + P.put(0)
    for level in UInt8(1)...30 { bomb = bomb + [0x30] + P.list([[UInt8]](repeating: P.get(level - 1), count: 10)) + P.put(level) }
    #expect(
      try complaint(P.dictionary([("state_dict", weights), ("beside", bomb)])).contains("shared values unfold to more than a million"))
    #expect(try complaint(bomb).hasPrefix("holds a list"))
  }

  @Test func aStateDictUnderManyNamesIsLookedAtOnce() throws {
    // Looked at under each of its names it would be 16 million pairs.
    let names = (0..<4000).map { "n\($0)" }
    let one = P.vector("0", count: 4) + P.put(1)
    let state = P.dictionary(names.enumerated().map { ($1, $0 == 0 ? one : P.get(1)) }) + P.put(2)
    let file = P.dictionary(names.enumerated().map { ($1, $0 == 0 ? state : P.get(2)) })
    #expect(try complaint(file).contains("holds several state dicts, 'n0', 'n1',"))
    #expect(try complaint(file).hasSuffix("and 3988 more; say which member to read"))
  }

  @Test func stepsAreBounded() throws {
    func read(_ value: [UInt8], limit: Int) throws {
      try P.program(value).withUnsafeBytes {
        _ = try PickleMachine.read(PickleSource(bytes: $0, path: "m.pt", entry: nil), stepLimit: limit)
      }
    }
    let idle = [UInt8](repeating: 0x4E, count: 100) + [UInt8](repeating: 0x30, count: 99)
    try read(idle, limit: 201)
    let error = #expect(throws: CheckpointError.self) { try read(idle, limit: 200) }
    #expect(error?.message.contains("steps; no checkpoint needs so many") == true)
    // A list that is copied again and again is paid for each time.
    let list = P.list((0..<50).map { _ in P.none }) + P.put(0)
    let copies = (0..<50).flatMap { _ in P.call("builtins", "set", [P.get(0)]) + [0x30] }
    try read(list + copies, limit: 3000)
    #expect(throws: CheckpointError.self) { try read(list + copies, limit: 2500) }
  }

  @Test func falseLengthsEndInAnErrorAtTheirPlace() throws {
    for value: [UInt8] in [
      [0x58, 0xFF, 0xFF, 0xFF, 0xFF], [0x8D] + P.little(UInt64.max), [0x8E] + P.little(UInt64.max), [0x8B, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x42, 0xFF, 0xFF, 0xFF, 0x7F], [0x95] + P.little(UInt64.max), Array("cos".utf8),
    ] { #expect(try complaint(value).hasPrefix("entry 'model/data.pkl', byte "), "\(value)") }
  }

  @Test(
    arguments: [
      [0x30], [0x61], [0x73], [0x75], [0x65], [0x74], [0x85], [0x87], [0x52], [0x81], [0x62], [0x51], [0x93], [0x68, 9],
      [0x6A, 1, 2, 3, 4],
      [0x71, 0], [0x94], [0x32], [0x28, 0x52], [0x4E, 0x28, 0x61], [0x28, 0x75], [0x7D, 0x28, 0x4E, 0x75], [0x4E, 0x4E, 0x61],
      [0x4E, 0x4E],
      [0x5D, 0x4E, 0x4E, 0x73], [0x4E, 0x29, 0x52], [0x4E, 0x4E, 0x52], [0x4E, 0x51], [0x29, 0x51], [0x4E, 0x4E, 0x62], [0x80, 9], [0x00],
      [0x4E, 0x31],
    ] as [[UInt8]]) func anInvalidProgramIsRefusedAtItsPlace(program: [UInt8]) throws
  {
    #expect(try complaint(program).hasPrefix("entry 'model/data.pkl', byte "), "\(program)")
  }

  // MARK: Storages and tensors that lie

  @Test(arguments: [
    (0, [5], [1], "reaches to element 4; storage '0' has 4 elements"), (1, [4], [1], "reaches to element 4"),
    (-1, [2], [1], "none may be negative"), (3, [2], [-1], "none may be negative"), (0, [-4], [1], "impossible shape [-4]"),
    (0, [2, 2], [1], "the strides [1]"), (0, [2, 2], [3, 2], "reaches to element 5"), (0, [1 << 62, 4], [0, 0], "impossible shape"),
    (0, [2], [Int.max], "reaches"), (1, [3, 3], [Int.max / 2, Int.max / 2], "beyond what can be counted"),
    (0, [1 << 40], [1 << 40], "beyond what can be counted"), (5, [0], [1], "reaches"),
    (0, [0, 1 << 62, 1 << 62], [0, 0, 0], "impossible shape"),
    (0, [1 << 40], [0], "repeats what is there: the tensors would take more than"),
    (0, [Int.max], [0], "repeats what is there"),
  ]) func aTensorBeyondItsStorageIsRefused(start: Int, shape: [Int], strides: [Int], words: String) throws {
    for format in TorchFormat.allCases {
      let tensor = P.tensor(P.storage("0", count: 4), start: start, shape, strides: strides)
      let complaint = try complaint(P.dictionary([("w", tensor)]), format)
      #expect(complaint.contains(words), "\(complaint)")
    }
  }

  @Test func aStorageOfAFalseLengthIsRefused() throws {
    func state(_ storage: [UInt8]) -> [UInt8] { P.dictionary([("w", P.tensor(storage, [1], strides: [1]))]) }
    #expect(try complaint(state(P.storage("0", count: 5))) == "entry 'model/data/0' has 16 bytes; expected 20 for 5 of float32")
    #expect(try complaint(state(P.storage("0", count: 3))).contains("has 16 bytes; expected 12"))
    #expect(try complaint(state(P.storage("0", "Double", count: 4))).contains("has 16 bytes; expected 32 for 4 of float64"))
    #expect(try complaint(state(P.storage("9", count: 4))) == "entry 'model/data/9' is missing; expected 16 bytes")
    #expect(try complaint(state(P.storage("../0", count: 4))).contains("entry 'model/data/../0' is missing"))
    for count in [-1, Int.max, 1 << 61] {
      #expect(try complaint(state(P.storage("0", count: count))).contains("no file holds so many"), "\(count)")
    }
    let twice = P.dictionary([("w", P.vector("0", count: 4)), ("v", P.tensor(P.storage("0", "Half", count: 8), [1], strides: [1]))])
    #expect(try complaint(twice).contains("storage '0' is 8 of float16 here, but 4 of float32 at byte "))
    // Also where no tensor of the state dict uses it.
    #expect(try complaint(P.dictionary([("state_dict", weights), ("beside", P.vector("9", count: 4))])).contains("is missing"))
    for view in [[P.integer(-1), P.integer(1)], [P.integer(3), P.integer(2)], [P.integer(0), P.integer(Int.max)], [P.integer(0)]] {
      let storage = P.storage("0", count: 4, view: P.tuple([P.text("v")] + view))
      #expect(try complaint(state(storage), .legacy).contains("does not lie within its 4 elements"))
    }
  }

  @Test func aTensorMadeOfAnythingElseIsRefused() throws {
    for value in [
      P.call("torch._utils", "_rebuild_tensor_v2", []), P.call("torch._utils", "_rebuild_tensor_v2", [P.none, P.none, P.none, P.none]),
      P.call("torch._utils", "_rebuild_parameter", [P.none]),
      P.call("torch._tensor", "_rebuild_from_type_v2", [P.global("a", "b"), P.none, P.tuple([])]),
      P.call("torch", "FloatStorage", []), P.global("torch._utils", "_rebuild_tensor_v2") + P.none + P.reduce,
      P.call("collections", "OrderedDict", [P.list([P.none])]), P.tuple([P.text("module"), P.none, P.none, P.none, P.none]) + [0x51],
      P.call(
        "torch._utils", "_rebuild_tensor_v2",
        [P.storage("0", count: 4), P.integer(0), P.numbers([Int](repeating: 1, count: 65)), P.numbers([1])]),
    ] { #expect(try complaint(P.dictionary([("w", value)])).hasPrefix("entry 'model/data.pkl', byte "), "\(value)") }
  }
}
