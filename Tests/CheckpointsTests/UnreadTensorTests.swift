import Testing

@testable import Checkpoints

/// Files of tensors that PyTorch has and no network here: they are refused by the tensor's name and what it is.
@Suite("Tensors that are not read") struct UnreadTensorTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private typealias P = PickleBytes

  /// As PyTorch 2.13 writes them; storage 0 has four floats.
  private static let tensors: [(value: [UInt8], words: String)] = [
    (P.tensor(P.storage("1", "ComplexFloat", count: 2), [2], strides: [1]), "of complex64 numbers"),
    (P.tensor(P.storage("1", "ComplexDouble", count: 2), [2], strides: [1]), "of complex128 numbers"),
    (version3("float8_e4m3fn"), "of float8_e4m3fn numbers"), (version3("uint16"), "of uint16 numbers"),
    (version3("complex32"), "of complex32 numbers"),
    (
      P.call(
        "torch._utils", "_rebuild_qtensor",
        [
          P.storage("1", "QInt8", count: 4), P.integer(0), P.numbers([4]), P.numbers([1]),
          P.tuple([P.global("torch", "per_tensor_affine"), P.number(0.1), P.integer(0)]), P.no, P.orderedDict,
        ]), "of quantised numbers (QInt8Storage)"
    ),
    (
      P.call(
        "torch._utils", "_rebuild_sparse_tensor",
        [P.call("torch.serialization", "_get_layout", [P.text("torch.sparse_coo")]), P.tuple([P.vector("0", count: 4), P.no])]),
      "in a sparse layout"
    ),
    (P.call("torch._utils", "_rebuild_meta_tensor_no_storage", [P.global("torch", "float32")]), "without numbers, on the device meta"),
  ]

  private static func version3(_ dtype: String) -> [UInt8] {
    let untyped = P.tuple([P.text("storage"), P.global("torch.storage", "UntypedStorage"), P.text("1"), P.text("cpu"), P.integer(4)])
    return P.call(
      "torch._utils", "_rebuild_tensor_v3",
      [untyped + [0x51], P.integer(0), P.numbers([4]), P.numbers([1]), P.no, P.orderedDict, P.global("torch", dtype)])
  }

  private func complaint(_ value: [UInt8], _ format: TorchFormat, member: String? = nil) throws -> String {
    let path = try folder.file("model.pt", torchFile(format, value, [("0", TorchBytes.floats([1, 2, 3, 4]))]))
    do { _ = try PyTorchFile.read(path, member: member) } catch let error as CheckpointError { return error.message }
    return ""
  }

  @Test(arguments: TorchFormat.allCases, [nil, "ema", "run/ema"]) func theirKindAndNameAreSaid(format: TorchFormat, member: String?) throws
  {
    for (tensor, words) in Self.tensors {
      let parameter = P.call("torch._utils", "_rebuild_parameter", [tensor, P.yes, P.orderedDict])
      for state in [P.dictionary([("w", tensor)]), P.dictionary([("b", P.vector("0", count: 4)), ("w", parameter)])] {
        let value = (member?.split(separator: "/").reversed() ?? []).reduce(state) { P.dictionary([(String($1), $0)]) }
        for asked in Set([nil, member]) {
          let complaint = try complaint(value, format, member: asked)
          #expect(complaint.contains(": 'w' is a tensor \(words), which is not read; in Python save "), "\(complaint)")
          #expect(complaint.hasPrefix(format == .zip ? "entry 'model/data.pkl', byte " : "byte "), "\(complaint)")
        }
      }
    }
  }

  @Test func besideTheStateDictTheyDoNoHarm() throws {
    for (tensor, _) in Self.tensors {
      #expect(try complaint(P.dictionary([("params", P.dictionary([("w", P.vector("0", count: 4))])), ("beside", tensor)]), .zip) == "")
    }
  }
}
