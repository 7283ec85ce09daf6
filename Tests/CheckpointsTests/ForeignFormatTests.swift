import Failures
import Foundation
import Testing

@testable import Checkpoints

@Suite("Files of other kinds") struct ForeignFormatTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias Sample = (bytes: [UInt8], phrase: String)
  static let files: [Sample] = formats + otherFormats

  private static let formats: [Sample] = [
    (Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\n".utf8), "is a Git LFS pointer, not the file itself"),
    (Array("\n <!DOCTYPE html><html>".utf8), "is a web page (HTML)"), (Array("{\"error\":\"Entry not found\"}".utf8), "is JSON text"),
    (Array("Invalid username or password.".utf8), "is plain text: 'Invalid username or password.'"),
    (Array("MATLAB 5.0 MAT-file, Platform: GLNXA64".utf8), "is a Matlab file (.mat)"),
    ([0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A, 0, 0], "is an HDF5 file"), ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], "is a gzip file"),
    ([0x93] + Array("NUMPY".utf8) + [1, 0, 1, 1], "is an array of numpy"),
    ([0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A, 0], "is a picture (PNG)"),
    (Array("GGUF".utf8) + [3, 0, 0, 0, 0], "is a GGUF file"), (ZipBytes(entries: [ZipBytes.Entry("a.txt", [1])]).bytes, "is a zip archive"),
    (ZipBytes(entries: [ZipBytes.Entry("x.npy", [1])]).bytes, "is an archive of numpy arrays"),
  ]

  private static let otherFormats: [Sample] = [
    (ZipBytes(entries: []).bytes, "is a zip archive without entries"),
    ([0x08, 7, 0x12, 7] + Array("pytorch".utf8) + [0x1A, 5, 0xFF], "is an ONNX network"),
    ([0x81, 0xA6] + Array("params".utf8) + [0x81, 0xA4, 0xFF], "is a msgpack file, as Flax writes"),
    ([UInt8](repeating: 0, count: 600), "is a file that begins with zeros only"),
    (Array("(dp0\nS'a'\np1\n".utf8), "is a pickle of Python in text form"), (Array("cos\nsystem\n(S'x'\ntR.".utf8), "is a pickle"),
    (Array("8BPS".utf8) + [0, 1, 0, 0, 0, 0], "is a picture in a format that is not read (PSD)"),
    (Array("<?xml version='1.0'?>\n<svg width='1'/>".utf8), "is a picture in a format that is not read (SVG)"),
    ([0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9], "is of no format that is recognised; expected a .safetensors file"),
  ]

  /// Whatever the name promises.
  @Test(arguments: files.indices, ["a.safetensors", "a.pt"]) func readersOfCheckpointsSayWhatTheFileIs(index: Int, name: String) throws {
    let (bytes, phrase) = Self.files[index], path = try folder.file(name, bytes)
    for read in [{ _ = try TensorFile(path) }, { _ = try Safetensors.header(of: path) }, { _ = try PyTorchFile.read(path) }] {
      let error = #expect(throws: CheckpointError.self) { try read() }
      #expect(error?.failure == .data && error?.description.hasPrefix("\(path): \(phrase)") == true, "\(String(describing: error))")
    }
  }

  /// Their first bytes tell nothing.
  @Test(arguments: ["model.ckpt.index", "model.ckpt-100.data-00000-of-00001", "model.ckpt.meta"])
  func partsOfTensorFlowsCheckpointsAreKnownByTheirNames(name: String) throws {
    let path = try folder.file(name, [0x0A, 0x9F, 1, 0x0A, 2, 3, 0xF4, 5, 6, 7, 8, 9])
    let error = #expect(throws: CheckpointError.self) { try TensorFile(path) }
    #expect(error?.description.hasPrefix("\(path): is a part of a TensorFlow checkpoint; expected") == true, "\(String(describing: error))")
  }

  @Test func aTorchScriptProgramSaysHowItsStateDictIsHad() throws {
    let entries = ["m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"].map { ZipBytes.Entry($0, [0x80, 2, 0x4E, 0x2E]) }
    let path = try folder.file("script.pt", ZipBytes(entries: entries).bytes)
    let error = #expect(throws: CheckpointError.self) { try TensorFile(path) }
    #expect(error?.description.contains("torch.jit.load(FILE).state_dict()") == true, "\(String(describing: error))")
  }

  @Test(
    arguments: [
      (Array("hello".utf8), "is plain text: 'hello'"), (Array("{}".utf8), "is JSON text: '{}'"),
      ([0x89, 0x50, 0x4E, 0x47], "is a picture (PNG)"),
      ([0x1F, 0x8B, 8], "is a gzip file"), (Array("hell".utf8), "is plain text: 'hell'"),
    ] as [([UInt8], String)])
  func filesOfAFewBytesAreNamedToo(bytes: [UInt8], phrase: String) throws {
    let path = try folder.file("x.safetensors", bytes)
    let error = #expect(throws: CheckpointError.self) { try TensorFile(path) }
    #expect(error?.description.hasPrefix("\(path): \(phrase)") == true, "\(String(describing: error))")
  }

  /// Opening it as a file would wait for a writer for ever.
  @Test(.timeLimit(.minutes(1))) func aPipeIsRefusedAtOnce() throws {
    let path = try folder.file("x.safetensors", [])
    unlink(path)
    #expect(mkfifo(path, 0o600) == 0)
    let error = #expect(throws: CheckpointError.self) { try TensorFile(path) }
    #expect(error?.description == "\(path): is a pipe; expected a file")
  }

  @Test func aPointerSaysHowTheFileIsHad() {
    #expect(ForeignFormat(Self.files[0].bytes)?.advice?.contains("git lfs pull") == true)
  }

  /// The length of a header may begin like any other file.
  @Test(arguments: [0x8B1F, 0x4B50, 0x7B]) func aSafetensorsFileOfAnyHeaderLengthIsOne(length: Int) {
    let start = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array("{\"".utf8)
    #expect(ForeignFormat(start) == .safetensors)
  }

  @Test func bytesOfNoFormatAndNoBytesAreUnknown() {
    #expect(ForeignFormat([] as [UInt8]) == nil && ForeignFormat([0, 1, 2, 3, 200]) == nil)
    #expect(ForeignFormat([0x80, 2, 0x8A]) == .pytorch)
  }
}
