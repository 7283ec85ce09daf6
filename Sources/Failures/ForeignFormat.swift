/// A file of another kind than the one that was wanted, recognised by its first bytes, so that a message says what the user holds.
///
/// Every reader asks for it when the first bytes are not its own. What a reader does accept, such as a zip for the reader of
/// archives, is for that reader to leave out.
public enum ForeignFormat: Sendable, Equatable {
  case gitLFSPointer, webPage
  /// JSON or other text, with its beginning.
  case json(String), text(String)
  case xml, pdf
  case matlab, hdf5, npy, npz
  case safetensors, pytorch, gguf
  /// Networks and weights of other systems.
  case onnx, flax, tensorFlow
  /// A pickle in the text form of protocol 0.
  case pickle
  case zip, emptyZip, gzip, bzip2, xz, zstandard, tar, sevenZip, rar
  case picture(String), film
  /// A picture in a format that no reader of ours knows.
  case otherPicture(String)
  /// Nothing but zeros at its beginning.
  case zeros

  /// The number of bytes that are examined.
  public static let startLength = 512

  /// - Parameter start: the first bytes of the file, `startLength` of them where there are as many.
  /// - Returns: nil for what is unknown, and for no bytes at all.
  public init?(_ start: some Sequence<UInt8>) {
    let start = Array(start.prefix(Self.startLength))
    guard let found = Self.container(start) ?? Self.binary(start) ?? Self.textual(start) else { return nil }
    self = found
  }

  /// What it is, with its article: "a Git LFS pointer, not the file itself".
  public var phrase: String {
    switch self {
    case .gitLFSPointer: "a Git LFS pointer, not the file itself"
    case .webPage: "a web page (HTML)"
    case .json(let text): "JSON text: \(text)"
    case .text(let text): "plain text: \(text)"
    case .xml: "XML text"
    case .pdf: "a PDF document"
    case .matlab: "a Matlab file (.mat)"
    case .hdf5: "an HDF5 file (.h5, or .mat of Matlab 7.3)"
    case .npy: "an array of numpy (.npy)"
    case .npz: "an archive of numpy arrays (.npz)"
    case .safetensors: "a safetensors file"
    case .pytorch: "a file of PyTorch's torch.save"
    case .gguf: "a GGUF file"
    case .onnx: "an ONNX network"
    case .flax: "a msgpack file, as Flax writes"
    case .tensorFlow: "a part of a TensorFlow checkpoint"
    case .pickle: "a pickle of Python in text form (protocol 0)"
    case .zip: "a zip archive"
    case .emptyZip: "a zip archive without entries"
    case .gzip: "a gzip file"
    case .bzip2: "a bzip2 file"
    case .xz: "an xz file"
    case .zstandard: "a Zstandard file"
    case .tar: "a tar archive"
    case .sevenZip: "a 7-Zip archive"
    case .rar: "a RAR archive"
    case .picture(let name): "a picture (\(name))"
    case .film: "a film"
    case .otherPicture(let name): "a picture in a format that is not read (\(name))"
    case .zeros: "a file that begins with zeros only"
    }
  }

  /// What to do about it, where that is the same whatever was wanted.
  public var advice: String? {
    switch self {
    case .gitLFSPointer: "run 'git lfs pull' in its repository, or download the file itself"
    case .webPage: "the download got a page in place of the file, such as a login or a quota; download it again"
    case .json, .text: "if it was downloaded, that may be an error message of the server; download it again"
    case .matlab, .hdf5: "save the arrays with numpy.savez or torch.save"
    case .zip, .tar, .gzip, .bzip2, .xz, .zstandard, .sevenZip, .rar: "unpack it first"
    case .onnx, .flax, .tensorFlow: "load it with the system that wrote it, and save the weights as safetensors"
    case .pickle: "save the tensors with torch.save"
    case .zeros: "an interrupted download or copy leaves such a file; get it again"
    case .npy, .npz: "'sfumato data inspect' shows what it holds"
    default: nil
    }
  }

  /// A whole sentence's rest: "is a gzip file; expected a picture; unpack it first".
  public func problem(expected: String) -> String {
    "is \(phrase); expected \(expected)" + (advice.map { "; \($0)" } ?? "")
  }
}
