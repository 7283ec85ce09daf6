/// Height and width in pixels: written `64` for a square, `[96, 128]` for height and width.
public struct ImageSize: Codable, Sendable, Equatable, CustomStringConvertible {
  public var height: Int, width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  public init(_ side: Int) { self.init(height: side, width: side) }

  public init(from decoder: any Decoder) throws {
    if let side = try? decoder.singleValueContainer().decode(Int.self) {
      self.init(side)
    } else if let sides = try? [Int](from: decoder), sides.count == 2 {
      self.init(height: sides[0], width: sides[1])
    } else {
      let context = DecodingError.Context(
        codingPath: decoder.codingPath, debugDescription: "expected the side of a square, such as 64, or [height, width]")
      throw DecodingError.dataCorrupted(context)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    if height == width { try height.encode(to: encoder) } else { try [height, width].encode(to: encoder) }
  }

  public var description: String { "\(height) x \(width)" }
}
