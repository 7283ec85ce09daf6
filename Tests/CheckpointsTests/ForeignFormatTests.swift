import Failures
import Testing

@testable import Checkpoints

@Suite("Files of other kinds") struct ForeignFormatTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  static let files: [(bytes: [UInt8], phrase: String)] = [
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

  /// Whatever the name promises.
  @Test(arguments: files.indices, ["a.safetensors", "a.pt"]) func readersOfCheckpointsSayWhatTheFileIs(index: Int, name: String) throws {
    let (bytes, phrase) = Self.files[index], path = try folder.file(name, bytes)
    for read in [{ _ = try TensorFile(path) }, { _ = try Safetensors.header(of: path) }, { _ = try PyTorchFile.read(path) }] {
      let error = #expect(throws: CheckpointError.self) { try read() }
      #expect(error?.failure == .data && error?.description.hasPrefix("\(path): \(phrase)") == true, "\(String(describing: error))")
    }
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
