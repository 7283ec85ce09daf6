import Foundation
import Imaging
import TestSupport
import Testing

@testable import Workflows

@Suite("Figures of pairs") struct PairFiguresTests {
  /// What `Fixtures/pairs/pairs.py` found: PSNR, SSIM and MS-SSIM of each pair.
  struct Row: Decodable {
    let rgb: [Double], yCrop4: [Double]
    enum CodingKeys: String, CodingKey { case rgb, yCrop4 = "y_crop_4" }
  }

  /// A picture and the same paler and noisy, by the formula of `pairs.py`.
  private func pair(_ k: Int) -> (Image, Image) {
    let height = 170 + 3 * k, width = 169 + 7 * k
    var pale = Image(width: width, height: height, color: [0, 0, 0]), original = pale
    for r in 0..<height {
      for c in 0..<width {
        for channel in 0..<3 {
          let ramp = r * (3 + k) + c * 2 + channel * (40 + k)
          let value = (ramp + (r / (5 + k) + c / 7) % 2 * 60 + r * c % 97) % 256
          let noise = (r * 7919 + c * 104_729 + channel * 31 + k * 31_337) % (11 + 4 * k) - (5 + 2 * k)
          original[r, c, channel] = UInt8(value)
          pale[r, c, channel] = UInt8(min(max(value * (10 - k % 5) / 10 + noise, 0), 255))
        }
      }
    }
    return (pale, original)
  }

  @Test func tenPicturesHaveTheFiguresOfAnotherProgramInColourAndInLumaWithoutTheBorder() throws {
    let folder = try ScratchFolder()
    let rows = try JSONDecoder().decode(
      [Row].self, from: Data(contentsOf: Fixture.folder.appendingPathComponent("pairs/pairs.json")))
    #expect(rows.count == 10)
    for k in rows.indices {
      let (pale, original) = pair(k)
      try pale.write(to: folder.file("a/\(k).png"))
      try original.write(to: folder.file("b/\(k).png"))
    }
    for channel in PairChannel.allCases {
      var request = PairEvaluation.Request(pictures: folder.path + "/a", originals: folder.path + "/b")
      (request.channel, request.crop) = (channel, channel == .y ? 4 : 0)
      let evaluation = try PairEvaluation(request)
      while try evaluation.next() != nil {}
      let report = try evaluation.report()
      let wanted = rows.map { channel == .y ? $0.yCrop4 : $0.rgb }
      let mean = (0..<3).map { figure in wanted.reduce(0) { $0 + $1[figure] } / 10 }
      for (row, want) in zip(report.rows + [report.mean], wanted + [mean]) {
        // Variances are differences of numbers up to 65025, in float64.
        for (found, want) in zip([row.psnr, row.ssim, row.msSsim], want) {
          #expect(abs((found ?? 0) - want) < 1e-9, "\(channel) \(row.name)")
        }
      }
    }
  }
}
