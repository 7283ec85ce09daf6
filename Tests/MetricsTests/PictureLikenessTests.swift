import Foundation
import Metrics
import Tensors
import Testing

@Suite("Likeness of pictures") struct PictureLikenessTests {
  /// A pattern, and the same paler and noisy, `[1, H, W]`.
  private func pair(_ height: Int, _ width: Int, _ strength: Int) -> (Tensor, Tensor) {
    var a: [Double] = [], b: [Double] = []
    for r in 0..<height {
      for c in 0..<width {
        let value = (r * 3 + c * 2 + (r / 9 + c / 7) % 2 * 60) % 256
        let noise = (r * 7919 + c * 104_729 + strength * 31_337 + (r * c) % 977 * 13) % 41 - 20
        a.append(Double(value))
        b.append(Double(min(max(value * (10 - strength) / 10 + noise, 0), 255)))
      }
    }
    return (Tensor(a, [1, height, width]), Tensor(b, [1, height, width]))
  }

  /// From a program in numpy, with windows as whole matrices.
  @Test(
    arguments: [
      (20, 300, 1, 22.826462837667513, 0.8905813059981241, nil),
      (177, 166, 2, 18.04428255937601, 0.8550083071441568, 0.9608254788268092),
      (161, 290, 4, 12.501625307492857, 0.6910224018053074, 0.8568245631465922),
    ] as [(Int, Int, Int, Double, Double, Double?)])
  func agreesWithAnotherProgram(height: Int, width: Int, strength: Int, psnr: Double, ssim: Double, multiscale: Double?) throws {
    let (a, b) = pair(height, width, strength)
    // Variances are differences of numbers up to 65025, in float64.
    #expect(abs(try PictureLikeness.peakSignalToNoise(a, b) - psnr) < 1e-9)
    #expect(abs(try #require(try PictureLikeness.structuralSimilarity(a, b)) - ssim) < 1e-9)
    let found = try PictureLikeness.multiscaleSimilarity(a, b)
    #expect(multiscale.map { abs((found ?? 0) - $0) < 1e-9 } ?? (found == nil))
  }

  @Test func stripsOfRowsDoNotShow() throws {
    // 266 rows are one strip of windows, and one row more begins another; the mean over both parts is that over all.
    let (a, b) = pair(300, 40, 3)
    func mean(_ rows: Range<Int>) throws -> Double {
      let value = try PictureLikeness.structuralSimilarity(a.slice(1, rows), b.slice(1, rows))
      return try #require(value) * Double(rows.count - 10)
    }
    #expect(abs(try mean(0..<300) - (mean(0..<100) + mean(90..<300))) < 1e-9)
  }

  @Test func equalPicturesAreAsLikeAsCanBeAndSmallOnesHaveNoWindow() throws {
    let (a, _) = pair(170, 170, 0)
    #expect(try PictureLikeness.peakSignalToNoise(a, a) == .infinity)
    #expect(abs(try #require(try PictureLikeness.structuralSimilarity(a, a)) - 1) < 1e-12)
    #expect(abs(try #require(try PictureLikeness.multiscaleSimilarity(a, a)) - 1) < 1e-12)
    let small = Tensor.ones([3, 10, 50])
    #expect(try PictureLikeness.structuralSimilarity(small, small) == nil)
    #expect(try PictureLikeness.multiscaleSimilarity(a.narrow(1, 0, 160), a.narrow(1, 0, 160)) == nil)
  }

  @Test func lumaReachesFrom16To235() throws {
    let planes = Tensor([0.0, 255, 255, 0, 255, 0, 0, 255, 0], [3, 1, 3])
    // Black, white and red; rounding.
    for (found, want) in zip(try PictureLikeness.luma(planes).doubles(), [16.0, 235, 81.481]) { #expect(abs(found - want) < 1e-9) }
    #expect(PictureLikeness.luma(planes).shape == [1, 1, 3])
    #expect(abs(PictureLikeness.peakSignalToNoise(meanSquaredError: 25) - 20 * log10(51)) < 1e-12)
  }
}
