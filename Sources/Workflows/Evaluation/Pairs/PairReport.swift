/// What pictures are compared by.
public enum PairChannel: String, Encodable, Sendable, CaseIterable {
  /// Luma of ITU-R BT.601, 16 to 235.
  case y
  /// Red, green and blue; of grey pictures grey.
  case rgb
}

/// How close pictures are to their originals.
public struct PairReport: Encodable, Sendable, Equatable {
  public struct Row: Encodable, Sendable, Equatable {
    /// Folder and name, without the ending.
    public let name: String
    /// The peak signal-to-noise ratio in decibels; nil for equal pictures.
    public let psnr: Double?
    /// The structural similarity; nil for pictures that are too small, as `msSsim`, that over five scales.
    public let ssim: Double?, msSsim: Double?
  }

  public let pictures: String, originals: String
  public let channel: PairChannel
  /// Pixels that are left out at each side.
  public let crop: Int
  public let rows: [Row]
  /// Means over the pictures that have the figure.
  public let mean: Row
  /// Pictures that equal their originals: they have no signal-to-noise ratio.
  public let equal: Int
  public let failures: [FailedPicture]
  public let withoutOriginal: [String], withoutPicture: [String]

  init(
    pictures: String, originals: String, channel: PairChannel, crop: Int, rows: [Row], failures: [FailedPicture],
    withoutOriginal: [String], withoutPicture: [String]
  ) {
    (self.pictures, self.originals, self.channel, self.crop) = (pictures, originals, channel, crop)
    (self.rows, self.failures, equal) = (rows, failures, rows.count { $0.psnr == nil })
    (self.withoutOriginal, self.withoutPicture) = (withoutOriginal, withoutPicture)
    mean = Row(
      name: "mean", psnr: Self.mean(rows.compactMap(\.psnr)), ssim: Self.mean(rows.compactMap(\.ssim)),
      msSsim: Self.mean(rows.compactMap(\.msSsim)))
  }

  /// Nil of nothing.
  static func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
}
