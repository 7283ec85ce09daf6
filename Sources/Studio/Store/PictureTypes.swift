import Imaging

/// Endings and media types of pictures, and of what else is served.
enum PictureTypes {
  private static let types = [
    "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "tif": "image/tiff", "bmp": "image/bmp",
    "heic": "image/heic", "avif": "image/avif", "jxl": "image/jxl", "jp2": "image/jp2", "html": "text/html; charset=utf-8",
  ]

  static func type(ofEnding ending: String) -> String { types[ending] ?? "application/octet-stream" }

  /// The ending of files of a format.
  static func ending(of format: PictureFormat) -> String {
    switch format.rawValue.lowercased() {
    case "jpeg": "jpg"
    case "tiff": "tif"
    case "netpbm": "ppm"
    case let name where types[name] != nil: name
    default: "img"
    }
  }
}
