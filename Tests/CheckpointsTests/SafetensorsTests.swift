import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite("Safetensors files") struct SafetensorsTests {
  let folder: TemporaryFolder
  var path: String { "\(folder.path)/model.safetensors" }

  init() throws { folder = try TemporaryFolder() }

  /// A file with this JSON as its header, then these bytes.
  private func file(_ json: String, _ data: [UInt8]) throws -> String {
    let length = withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) }
    return try folder.file("model.safetensors", length + Array(json.utf8) + data)
  }

  /// Little-endian, as every machine that this runs on.
  private func bytes(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  // MARK: Whole files

  @Test(arguments: DType.allCases) func everyDtypeComesBackAsItWas(dtype: DType) throws {
    let values = Tensor([0, 1, 2.5, 100, 0.125, 7] as [Float])
    let state = StateDict([
      ("matrix", values.reshape(2, 3).to(dtype)), ("scalar", Tensor.full(1, []).to(dtype)), ("empty", Tensor.ones([0, 7]).to(dtype)),
      ("turned", values.reshape(2, 3).to(dtype).transpose(0, 1)),
    ])
    try Safetensors.write(state, to: path)
    let read = try Safetensors.read(path)
    #expect(read.metadata.isEmpty && read.state.names == state.names)
    for (name, tensor) in state.entries {
      let found = try #require(read.state[name])
      #expect(found.dtype == dtype && found.shape == tensor.shape && found.device == .cpu, "\(name)")
      #expect(try found.bytes() == tensor.bytes(), "\(name)")
    }
  }

  @Test func wideElementsComeFirstAndElseTheOrderIsKept() throws {
    let state = StateDict([
      ("z", Tensor.ones([3]).to(.uint8)), ("b", Tensor.ones([2])), ("a", Tensor.ones([1])), ("half", Tensor.ones([1]).to(.bfloat16)),
      ("long", Tensor([1])),
    ])
    try Safetensors.write(state, metadata: ["k": "v\n\"ä\"", "a": ""], to: path)
    let read = try Safetensors.read(path), header = try Safetensors.header(of: path)
    #expect(read.state.names == ["long", "b", "a", "half", "z"])
    #expect(read.metadata == ["k": "v\n\"ä\"", "a": ""] && header.metadata == read.metadata)
    #expect(header.entries.map { $0.name } == read.state.names)
    for entry in header.entries { #expect((header.dataStart + entry.range.lowerBound) % entry.type.size == 0) }
    let first = try folder.bytes("model.safetensors")
    try Safetensors.write(state, metadata: ["a": "", "k": "v\n\"ä\""], to: path)
    #expect(try folder.bytes("model.safetensors") == first)
  }

  @Test func anEmptyStateIsAFileToo() throws {
    try Safetensors.write(StateDict(), metadata: ["only": "text"], to: path)
    let read = try Safetensors.read(path)
    #expect(read.state.count == 0 && read.metadata == ["only": "text"])
  }

  @Test func mappedTensorsOutliveTheFileAndWhatItHeld() throws {
    // Larger than a page, so that reading an unmapped one would end the program.
    let values = (0..<100_000).map { Float($0) }
    try Safetensors.write(StateDict([("a", Tensor(values)), ("b", Tensor([1, 2]))]), to: path)
    func one() throws -> Tensor { try Safetensors.read(path).state["a"]! }
    let tensor = try one(), part = try one().slice(0, 99_000..<99_003)
    try FileManager.default.removeItem(atPath: path)
    #expect(try tensor.floats() == values)
    #expect(try (part + 1).floats() == [99_001, 99_002, 99_003])
  }

  @Test func aFileThatIsReplacedWhileItIsMappedKeepsItsOldNumbers() throws {
    try Safetensors.write(StateDict([("a", Tensor([1, 2] as [Float]))]), to: path)
    let old = try Safetensors.read(path).state
    try Safetensors.write(StateDict([("a", Tensor([3, 4] as [Float]))]), to: path)
    #expect(try old["a"]!.floats() == [1, 2])
    #expect(try Safetensors.read(path).state["a"]!.floats() == [3, 4])
    // A state can be written over the very file that it is mapped from.
    try Safetensors.write(old, to: path)
    #expect(try Safetensors.read(path).state["a"]!.floats() == [1, 2])
  }

  // MARK: Files of other writers

  @Test func aFileOfPythonsLibraryIsRead() throws {
    // save_file({"b": arange(3, int16), "w": [[1.5, -2]], "s": float64 3}, metadata={"format": "pt"})
    let json = """
      {"__metadata__":{"format":"pt"},"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},\
      "w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"b":{"dtype":"I16","shape":[3],"data_offsets":[16,22]}}
      """
    let data: [UInt8] = [0, 0, 0, 0, 0, 0, 8, 0x40, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0, 0, 0, 1, 0, 2, 0]
    let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
    let read = try Safetensors.read(file(padded, data))
    #expect(read.metadata == ["format": "pt"])
    #expect(read.state.names == ["s", "w", "b"])
    #expect(try read.state["s"]!.item() == 3 && read.state["s"]!.dtype == .float64)
    #expect(try read.state["w"]!.floats() == [1.5, -2] && read.state["w"]!.shape == [1, 2])
    #expect(try read.state["b"]!.ints() == [0, 1, 2] && read.state["b"]!.dtype == .int16)
  }

  @Test(arguments: 0..<8) func dataThatBeginAnywhereAreRead(shift: Int) throws {
    // Elements of 1 byte first and a header of any length: floats at every address.
    let json = """
      {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},\
      "c":{"dtype":"F64","shape":[1],"data_offsets":[9,17]}}
      """
    let double = withUnsafeBytes(of: -0.75) { Array($0) }
    let read = try Safetensors.read(file(json + String(repeating: " ", count: shift), [7] + bytes([1.5, -3]) + double)).state
    #expect(try read["a"]!.uint8s() == [7])
    #expect(try (read["b"]! * 2).floats() == [3, -6])
    #expect(try read["c"]!.item() == -0.75)
  }

  // MARK: What is refused

  @Test(arguments: [Float.nan, .infinity, -.infinity], [DType.float32, .bfloat16, .float64])
  func aStateThatIsNotFiniteIsNotWrittenAndTheEarlierFileIsKept(value: Float, dtype: DType) throws {
    try Safetensors.write(StateDict([("w", Tensor([1] as [Float]))]), to: path)
    let before = try folder.bytes("model.safetensors")
    let bad = StateDict([("good", Tensor([1] as [Float])), ("layers.0.weight", Tensor([1, value, 2]).to(dtype))])
    let error = #expect(throws: CheckpointError.self) { try Safetensors.write(bad, to: path) }
    #expect(error?.problem == .invalid)
    #expect(error?.description == "\(path): is not written: layers.0.weight holds numbers that are not finite")
    #expect(try folder.bytes("model.safetensors") == before)
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test func aTensorWithAFaultThrowsIt() throws {
    for failed in [Tensor.ones([2, 3]).matmul(.ones([2, 3])), Tensor([1, 2]).reshape(3)] {
      let fault = #expect(throws: TorchFault.self) { try Safetensors.write(StateDict([("w", .ones([1])), ("v", failed)]), to: path) }
      #expect(fault == failed.fault)
    }
    #expect(throws: TorchFault.self) { try Safetensors.write(StateDict([("w", .ones([1], on: .meta))]), to: path) }
    #expect(throws: TorchFault.self) { try Safetensors.write(StateDict([("w", .ones([1], dtype: .int64, on: .meta))]), to: path) }
    #expect(try folder.names.isEmpty)
  }

  @Test func aReservedNameIsRefused() throws {
    #expect(throws: SafetensorsError.self) { try Safetensors.write(StateDict([("__metadata__", .ones([1]))]), to: path) }
    #expect(try folder.names.isEmpty)
  }

  @Test func whatCannotBeWrittenLeavesNothing() throws {
    let state = StateDict([("w", Tensor.ones([1]))])
    let error = #expect(throws: CheckpointError.self) { try Safetensors.write(state, to: "\(folder.path)/none/model.safetensors") }
    #expect(error?.problem == .missing && error?.path == "\(folder.path)/none/model.safetensors")
    #expect(try folder.names.isEmpty)
  }

  @Test func aPathThatIsNotAFileIsATypedError() throws {
    #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
    for (path, kind, words) in [
      (path, CheckpointError.Problem.missing, "there is no such file"), (folder.path, .invalid, "is a folder; expected a file"),
      (try folder.file("empty", []), .invalid, "is empty; download or copy it again"),
      ("\(folder.path)/pipe", .invalid, "is a pipe; expected a file"),
      ("\(folder.path)/empty/model", .io, "cannot be opened: Not a directory"),
    ] {
      for read in [{ _ = try Safetensors.read($0) }, { _ = try Safetensors.header(of: $0) }] as [(String) throws -> Void] {
        let error = #expect(throws: CheckpointError.self) { try read(path) }
        #expect(error?.problem == kind && error?.description == "\(path): \(words)")
      }
    }
  }

  @Test func aFileTruncatedAnywhereIsRefusedByName() throws {
    try Safetensors.write(
      StateDict([("a", Tensor([1, 2] as [Float])), ("b", Tensor([3] as [UInt8], [1]))]), metadata: ["k": "v"], to: path)
    let whole = try folder.bytes("model.safetensors")
    for count in 1..<whole.count {
      let cut = try folder.file("cut", Array(whole[..<count]))
      let error = #expect(throws: SafetensorsError.self, "\(count) bytes") { try Safetensors.read(cut) }
      #expect(error?.file == cut)
    }
    let error = #expect(throws: SafetensorsError.self) { try Safetensors.read(folder.file("long", whole + [0])) }
    #expect(error?.message.contains("1 bytes follow the last tensor") == true)
  }
}
