/// An uncompressed TIFF in one strip: grey, RGB or CMYK of 8 or 16 bits, with opacity, an orientation and a colour profile.
struct TinyTIFF {
  enum Colors: Int { case grey = 1, rgb = 2, cmyk = 5 }

  var width: Int, height: Int
  var colors = Colors.rgb
  var hasAlpha = false, isDeep = false
  var orientation = 1
  var profile: [UInt8] = []
  /// `height * width * channels`, as stored.
  var samples: [Int]

  var channels: Int { (colors == .grey ? 1 : colors == .rgb ? 3 : 4) + (hasAlpha ? 1 : 0) }

  var bytes: [UInt8] {
    let size = isDeep ? 2 : 1
    var body = samples.flatMap { little($0, size) }
    // Values begin at even places.
    if !body.count.isMultiple(of: 2) { body.append(0) }
    let bitsAt = 8 + body.count, profileAt = bitsAt + 2 * channels
    body += (0..<channels).flatMap { _ in little(8 * size, 2) } + profile + (profile.count.isMultiple(of: 2) ? [] : [0])
    // Up to four bytes of values stand in the place of their address.
    let bits = channels == 1 ? 8 * size : channels == 2 ? 8 * size * 0x10001 : bitsAt
    var entries = [
      entry(256, 4, 1, width), entry(257, 4, 1, height), entry(258, 3, channels, bits), entry(259, 3, 1, 1),
      entry(262, 3, 1, colors.rawValue), entry(273, 4, 1, 8), entry(274, 3, 1, orientation), entry(277, 3, 1, channels),
      entry(278, 4, 1, height), entry(279, 4, 1, samples.count * size),
    ]
    if colors == .grey { entries[4] = entry(262, 3, 1, 1) }
    if hasAlpha { entries.append(entry(338, 3, 1, 2)) }
    if !profile.isEmpty { entries.append(entry(34_675, 7, profile.count, profileAt)) }
    return [0x49, 0x49, 42, 0] + little(8 + body.count, 4) + body + little(entries.count, 2) + entries.flatMap { $0 } + little(0, 4)
  }

  private func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: Int) -> [UInt8] {
    little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4)
  }

  private func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
}

/// The smallest ICC profile of RGB colours that a converter takes: version 2, sRGB's primaries, one gamma.
struct TinyProfile {
  /// In 1/256; nil for the identity without a value.
  var gamma: Int?

  var bytes: [UInt8] {
    let curve = text("curv") + big(0, 4) + (gamma.map { big(1, 4) + big($0, 2) + big(0, 2) } ?? big(0, 4))
    let tags: [(String, [UInt8])] = [
      ("desc", text("desc") + big(0, 4) + big(5, 4) + text("tiny\0") + [UInt8](repeating: 0, count: 79)),
      ("cprt", text("text") + big(0, 4) + text("none\0\0\0\0")), ("wtpt", xyz(63_190, 65_536, 54_061)),
      ("rXYZ", xyz(28_577, 14_579, 912)), ("gXYZ", xyz(25_240, 46_982, 6_363)), ("bXYZ", xyz(9_378, 3_974, 46_793)),
      ("rTRC", curve), ("gTRC", curve), ("bTRC", curve),
    ]
    var table = big(tags.count, 4), content: [UInt8] = []
    let start = 132 + 12 * tags.count
    for (name, tag) in tags {
      table += text(name) + big(start + content.count, 4) + big(tag.count, 4)
      content += tag + [UInt8](repeating: 0, count: (4 - tag.count % 4) % 4)
    }
    let header =
      big(start + content.count, 4) + text("none") + big(0x0210_0000, 4) + text("mntrRGB XYZ ") + zeros(12) + text("acsp") + zeros(28)
      + big(63_190, 4) + big(65_536, 4) + big(54_061, 4) + zeros(48)
    return header + table + content
  }

  private func xyz(_ x: Int, _ y: Int, _ z: Int) -> [UInt8] { text("XYZ ") + big(0, 4) + big(x, 4) + big(y, 4) + big(z, 4) }
  private func text(_ text: String) -> [UInt8] { Array(text.utf8) }
  private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
  private func big(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).reversed().map { UInt8(value >> (8 * $0) & 255) } }
}
