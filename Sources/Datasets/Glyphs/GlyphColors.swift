import Imaging

extension GlyphDataset {
  /// The colour of ink or of paper: written `white`, `black`, as `"#1c348c"`, `natural` or `random`.
  public enum Color: Codable, Sendable, Equatable {
    case rgb(red: UInt8, green: UInt8, blue: UInt8)
    /// Colours of pens on colours of paper, different for each image.
    case natural
    /// Any, each image its own, as long as ink and paper differ visibly.
    case random

    public static let white = Color.rgb(red: 255, green: 255, blue: 255), black = Color.rgb(red: 0, green: 0, blue: 0)

    /// - Returns: nil for text that names no colour.
    public init?(_ text: String) {
      switch text {
      case "white": self = .white
      case "black": self = .black
      case "natural": self = .natural
      case "random": self = .random
      default:
        guard text.count == 7, text.hasPrefix("#"), text.dropFirst().allSatisfy(\.isHexDigit),
          let value = UInt32(text.dropFirst(), radix: 16)
        else { return nil }
        self = .rgb(
          red: UInt8(value >> 16), green: UInt8(truncatingIfNeeded: value >> 8), blue: UInt8(truncatingIfNeeded: value))
      }
    }

    public init(from decoder: any Decoder) throws {
      let text = try String(from: decoder)
      guard let color = Color(text) else {
        let problem = "expected white, black, natural, random or a colour such as \"#1c348c\", found '\(text)'"
        throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: problem))
      }
      self = color
    }

    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

    private var text: String {
      switch self {
      case .white: "white"
      case .black: "black"
      case .natural: "natural"
      case .random: "random"
      case .rgb(let red, let green, let blue): "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      }
    }

    /// Whether it needs no more than one channel.
    var isGrey: Bool {
      if case .rgb(let red, let green, let blue) = self { red == green && green == blue } else { false }
    }
  }
}

/// The colours of one image: red, green and blue from 0 to 255.
struct InkColors: Equatable {
  private(set) var ink: SIMD3<Double>
  private(set) var paper: SIMD3<Double>

  /// The least difference in luma between random ink and paper.
  static let contrast = 90.0

  init(ink: GlyphDataset.Color, paper: GlyphDataset.Color, random: inout StableRandom) {
    self.paper = Self.choice(paper, &random) { random in
      // From white to cream, a little darker in bad light.
      SIMD3(252, 251, 248) * random.uniform(0.93, 1) - random.uniform() * SIMD3(6, 16, 40)
    }
    self.ink = Self.choice(ink, &random) { random in
      let pens: [SIMD3<Double>] = [
        [28, 50, 138], [30, 56, 150], [26, 26, 30], [18, 30, 70], [86, 86, 92], [150, 32, 40], [18, 88, 62],
      ]
      return pens[random.below(pens.count)] + random.uniform(-12, 12) * SIMD3(1, 1, 1) + random.uniform(-6, 6) * SIMD3(1, 0, -1)
    }
    if ink == .random {
      self.ink = Self.parted(self.ink, from: self.paper)
    } else if paper == .random {
      self.paper = Self.parted(self.paper, from: self.ink)
    }
  }

  private static func choice(
    _ color: GlyphDataset.Color, _ random: inout StableRandom, natural: (inout StableRandom) -> SIMD3<Double>
  ) -> SIMD3<Double> {
    switch color {
    case .rgb(let red, let green, let blue): SIMD3(Double(red), Double(green), Double(blue))
    case .natural: natural(&random).clamped(lowerBound: .zero, upperBound: SIMD3(repeating: 255))
    case .random: SIMD3(255 * random.uniform(), 255 * random.uniform(), 255 * random.uniform())
    }
  }

  /// The colour, mixed with as much white or black as parts it from the other.
  private static func parted(_ color: SIMD3<Double>, from other: SIMD3<Double>) -> SIMD3<Double> {
    let mine = luma(color), theirs = luma(other)
    if abs(mine - theirs) >= contrast { return color }
    // Where there is more room.
    let end = theirs > 127.5 ? 0.0 : 255.0, goal = theirs > 127.5 ? theirs - contrast : theirs + contrast
    return color + (goal - mine) / (end - mine) * (SIMD3(repeating: end) - color)
  }

  /// ITU-R BT.601.
  static func luma(_ color: SIMD3<Double>) -> Double { (299 * color.x + 587 * color.y + 114 * color.z) / 1000 }

  /// One value for each channel.
  func values(_ color: SIMD3<Double>, channels: Int) -> [Double] {
    channels == 1 ? [Self.luma(color)] : [color.x, color.y, color.z]
  }

  /// Ink on paper.
  /// - Parameters:
  ///   - light: how much ink lies on each pixel, 0 to 1.
  ///   - grain: how unevenly.
  func image(_ light: [Double], width: Int, height: Int, channels: Int, grain: Double, random: inout StableRandom) -> Image {
    let ink = values(ink, channels: channels), paper = values(paper, channels: channels)
    let blank = paper.map { UInt8($0 + 0.5) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(light.count * channels)
    for light in light {
      // Grain lies in the ink only.
      guard light > 0 else {
        bytes += blank
        continue
      }
      let rest = 1 - grain * random.uniform()
      for c in 0..<channels { bytes.append(UInt8((ink[c] - paper[c]) * light * rest + paper[c] + 0.5)) }
    }
    return Image(width: width, height: height, channels: channels, bytes: bytes)
  }
}
