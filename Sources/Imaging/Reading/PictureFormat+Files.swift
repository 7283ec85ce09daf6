import Foundation

// The one answer to "is this file a picture?", for data sets, archives and folders of pictures alike.
extension PictureFormat {
  /// The number of bytes that are examined.
  public static let startLength = 256

  /// - Parameter start: the first bytes of a file, `startLength` of them where there are as many.
  public init?(start: [UInt8]) {
    guard let format = start.withUnsafeBytes({ PictureFormat(firstBytes: $0) }) else { return nil }
    self = format
  }

  /// The format of a file by its first bytes; nil for a file that is not a picture, cannot be read or is not a plain file.
  public init?(ofFile path: String) { self.init(start: Self.start(ofFile: path)) }

  /// The first `startLength` bytes of a file, fewer where there are no more; none of a file that cannot be read or is not a plain file.
  public static func start(ofFile path: String) -> [UInt8] {
    // Without O_NONBLOCK, opening a pipe waits for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return [] }
    return [UInt8](unsafeUninitializedCapacity: startLength) { buffer, filled in
      filled = max(0, read(descriptor, buffer.baseAddress, startLength))
    }
  }

  /// Whether a file belongs to a set of pictures: its first bytes are those of a picture, or it is named like one, so that a
  /// damaged picture is reported instead of passed over.
  public static func isPicture(file path: String) -> Bool { isPictureName(path) || PictureFormat(ofFile: path) != nil }

  /// Whether a name ends like that of a picture, in capitals or not.
  public static func isPictureName(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: 0x2E) else { return false }
    let ending = name[name.index(after: dot)...]
    return ending.utf8.count <= 4 && endings.contains(ending.lowercased())
  }

  /// In small letters, without the dot.
  public static let endings: Set<String> = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "tif", "tiff", "heic", "heif", "avif", "jp2", "jxl",
    "pbm", "pgm", "ppm", "pnm", "bmp", "dib",
  ]
}
