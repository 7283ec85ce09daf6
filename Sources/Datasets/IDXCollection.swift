/// Published sets of IDX files. The files state neither the meaning of labels nor the orientation of images.
///
/// EMNIST: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, 2017; its images lie on their side, rows for columns, and the letters
/// are numbered from 1. KMNIST: T. Clanuwat and others, 2018. Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, 2017.
public enum IDXCollection: String, Codable, Sendable, CaseIterable {
  case mnist, kmnist
  case fashionMNIST = "fashion_mnist"
  case emnistBalanced = "emnist_balanced"
  case emnistByClass = "emnist_byclass"
  case emnistByMerge = "emnist_bymerge"
  case emnistLetters = "emnist_letters"
  case emnistDigits = "emnist_digits"
  case emnistMNIST = "emnist_mnist"

  /// The collection by the published name of a file of images: `emnist-letters-train-images-idx3-ubyte.gz`, or
  /// `KMNIST/raw/train-images-idx3-ubyte`. nil for other names.
  init?(path: String) {
    let parts = path.lowercased().split(separator: "/")
    let file = parts.last ?? ""
    for split in Self.allCases where split.isEMNIST {
      guard file.hasPrefix(split.rawValue.replacing("_", with: "-") + "-") else { continue }
      self = split
      return
    }
    // All three have the same names of files, so that only the folder or archive distinguishes them; MNIST is recognised by its labels.
    let places = parts.dropLast().suffix(3).map { $0.filter(\.isLetter) }
    if places.contains(where: { $0.hasPrefix("kmnist") }) {
      self = .kmnist
    } else if places.contains(where: { $0.hasPrefix("fashionmnist") }) {
      self = .fashionMNIST
    } else {
      return nil
    }
  }

  private var isEMNIST: Bool { rawValue.hasPrefix("emnist") }

  /// Whether rows and columns of its images are in each other's place.
  var isTransposed: Bool { isEMNIST }
  /// The label of the first class.
  var firstLabel: Int { self == .emnistLetters ? 1 : 0 }

  var classNames: [String] {
    switch self {
    case .mnist, .emnistDigits, .emnistMNIST: Self.digits
    case .kmnist: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    case .fashionMNIST:
      ["t-shirt or top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
    case .emnistLetters: Self.capitals
    // Small letters that look like their capitals are merged with them.
    case .emnistBalanced, .emnistByMerge: Self.digits + Self.capitals + "abdefghnqrt".map(String.init)
    case .emnistByClass: Self.digits + Self.capitals + "abcdefghijklmnopqrstuvwxyz".map(String.init)
    }
  }

  private static let digits = (0...9).map(String.init)
  private static let capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init)
}
