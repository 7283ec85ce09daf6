import Diffusion
import Foundation
import Models
import Networks
import Tensors
import Testing

@testable import Workflows

/// Seams are looked for where the difference of two results jumps, in means over whole rows and columns: what the eye sees in a sky is far
/// below what shows in any single pixel.
@Suite("Seams of tiles") struct SeamTests {
  /// A network without a nonlinearity, which reaches two pixels.
  private let linear = TestNetwork(reach: 2) { x, degraded, _ in
    let kernel = Tensor((0..<25).map { Float(($0 * 7) % 11) / 60 - 0.08 }, [1, 1, 5, 5])
    func filtered(_ y: Tensor) -> Tensor {
      y.contiguous().reshape(y.size(0) * 3, 1, y.size(2), y.size(3)).conv2d(kernel, padding: 2).reshape(y.shape)
    }
    return filtered(x) - filtered(degraded)
  }

  /// Column means of a difference, in levels, the other axis by transposing.
  private func columnMeans(_ e: Tensor) throws -> [Double] { try (255 * e).mean(0, 1, 2).doubles() }

  private func jumps(_ means: [Double]) -> [Double] { zip(means, means.dropFirst()).map { $1 - $0 } }

  /// A tile as large as the picture.
  private let whole: (inout Restorer.Settings) -> Void = { ($0.tile, $0.overlap) = (256, 32) }

  /// The greatest jump between neighbouring columns or rows, in levels, and its distance from zero in standard errors of the jump there.
  private func greatestJump(_ e: Tensor) throws -> (level: Double, z: Double) {
    var greatest = (level: 0.0, z: 0.0)
    for e in [e, e.transpose(2, 3)] {
      let differences = 255 * (e.narrow(3, 1, e.size(3) - 1) - e.narrow(3, 0, e.size(3) - 1))
      let means = try differences.mean(0, 1, 2).doubles(), count = Double(3 * e.size(2))
      let errors = try differences.reshape(-1, e.size(3) - 1).variance(0).doubles().map { ($0 / count).squareRoot() }
      for (mean, error) in zip(means, errors) where abs(mean) > greatest.level {
        greatest = (abs(mean), abs(mean) / max(error, 1e-12))
      }
    }
    return greatest
  }

  // MARK: S1

  @Test(arguments: [
    ["sampling.steps=1"], ["sampling.steps=4"], TinyRestoring.plain + ["sampler={ type: ddim, eta: 1 }", "sampling.steps=3"],
  ])
  func tilesOfANetworkThatReachesLessThanTheyOverlapAreTheWhole(set: [String]) throws {
    let bench = try RestorationBench(TinyRestoring.picture(131, 97))
    let tiled = try bench.restore(TinyRestoring.restorer(linear, set) { ($0.tile, $0.overlap) = (32, 8) })
    let whole = try bench.restore(TinyRestoring.restorer(linear, set, whole))
    #expect(try (tiled - whole).abs().max().item() <= 1e-5)
  }

  @Test func tilesOfARestorationUNetToo() throws {
    let bench = try RestorationBench(TinyRestoring.picture(150, 133))
    // It reaches 14 pixels.
    let tiled = try bench.restore(TinyRestoring.restorer { ($0.tile, $0.overlap) = (96, 40) })
    #expect(try TinyRestoring.restorer { ($0.tile, $0.overlap) = (96, 40) }.geometry(side: 96).dead == 14)
    #expect(try (tiled - bench.restore(TinyRestoring.restorer([], whole))).abs().max().item() <= 1e-5)
  }

  // MARK: S2 and S6

  /// Of a network that looks at the mean of its tile, as norms over whole images do: neighbouring tiles of this picture differ by 0.14 levels.
  private func seam(_ blending: TileBlending = TileBlending()) throws -> (level: Double, z: Double) {
    let network = TestNetwork(reach: 1000) { x, degraded, _ in
      -0.1 * degraded.mean(1, 2, 3, keep: true).expand(x.size(0), 3, x.size(2), x.size(3))
    }
    let ramp = (Tensor.arange(0, 170) / 283 + 0.2).reshape(1, 1, 1, 170).expand(1, 3, 150, 170)
    let bench = try RestorationBench(ramp + 0.02 * Tensor.randn([1, 3, 150, 170], using: Generator(seed: 3)))
    let tiled = try bench.restore(TinyRestoring.restorer(network, ["sampling.steps=1"], blending: blending))
    return try greatestJump(tiled - bench.restore(TinyRestoring.restorer(network, ["sampling.steps=1"], whole)))
  }

  @Test func noSeamShowsInMeansOverColumnsAndRows() throws {
    let found = try seam()
    #expect(found.level <= 0.05, "\(found)")
  }

  @Test func noSeamShowsAfterSeveralEvaluations() throws {
    let bench = try RestorationBench(TinyRestoring.picture(150, 170, grain: 0.02))
    let found = try greatestJump(bench.restore(TinyRestoring.restorer()) - bench.restore(TinyRestoring.restorer([], whole)))
    #expect(found.level <= 0.05, "\(found)")
  }

  @Test func tilesOfOtherSizesGiveTheSamePicture() throws {
    let bench = try RestorationBench(TinyRestoring.picture(150, 170))
    let results = try [(32, 16), (48, 16)].map { tile, overlap in
      try bench.restore(TinyRestoring.restorer { ($0.tile, $0.overlap) = (tile, overlap) })
    }
    let error = try (results[0] - results[1]).square().mean().item()
    #expect(-10 * log10(error) >= 50)
  }

  @Test func aHardEdgeShows() throws {
    let found = try seam(TileBlending(ramp: { $0 < 0.5 ? 0 : 1 }))
    #expect(found.level > 0.05 && found.z > 4, "\(found)")
  }

  @Test func uniformWeightsShow() throws {
    let found = try seam(TileBlending(ramp: { _ in 0.5 }))
    #expect(found.level > 0.05 && found.z > 4, "\(found)")
  }

  // MARK: S3

  @Test(arguments: ["grey", "ramp", "checker"]) func flatFieldsStayFlat(field: String) throws {
    let (height, width) = (100, 130)
    let x = Tensor.arange(0, Double(width)).reshape(1, 1, 1, width).expand(1, 3, height, width)
    let y = Tensor.arange(0, Double(height)).reshape(1, 1, height, 1).expand(1, 3, height, width)
    let picture =
      switch field {
      case "grey": Tensor.full(0.5, [1, 3, height, width])
      case "ramp": 0.2 + 0.6 * x / Double(width)
      default: 0.4 + 0.2 * (((x / 8).floor() + (y / 8).floor()) * .pi / 2).sin().square()
      }
    let bench = try RestorationBench(picture.contiguous())
    let e =
      try bench.restore(TinyRestoring.restorer { $0.detail = 0 })
      - bench.restore(
        TinyRestoring.restorer {
          whole(&$0); $0.detail = 0
        })
    for means in [try columnMeans(e), try columnMeans(e.transpose(2, 3))] { #expect(means.map(abs).max() ?? 1 <= 0.1) }
  }

  // MARK: S4

  /// Pictures are grey with noise of a known variance, for which the best denoiser is known.
  private func overlapVariance(_ blending: TileBlending = TileBlending(), steps: Int) throws -> Double {
    let set = TinyRestoring.plain + ["sampler=ddim", "sampling.steps=\(steps)", "sampling.clip=false"]
    let recipe = try TinyRestoring.recipe(set), process = try recipe.process.makeDiffusion().process
    let oracle = GaussianOracle(variance: 0.04).network(of: process, predicting: .epsilon)
    let restorer = try TinyRestoring.restorer(TestNetwork(reach: 0) { x, _, timesteps in oracle(x, timesteps) }, set, blending: blending) {
      ($0.tile, $0.overlap) = (32, 16)
    }
    let bench = try RestorationBench(.full(0.5, [1, 3, 160, 160]))
    let result = try bench.restore(restorer), axis = TileAxis(160, restorer.geometry(side: 32))
    let shared = (0..<160).map { pixel in axis.tiles.filter { $0.counted.contains(pixel) }.count > 1 }
    func variance(_ isShared: Bool) throws -> Double {
      let columns = shared.indices.filter { shared[$0] == isShared }
      return try result.indexSelect(3, Tensor(columns)).reshape(-1).variance(0).item()
    }
    return try variance(true) / variance(false)
  }

  @Test(arguments: [1, 3]) func pixelsOfTwoTilesVaryAsOthersDo(steps: Int) throws {
    #expect(try abs(overlapVariance(steps: steps) - 1) < 0.02)
  }

  @Test func noiseOfEachTilesOwnShows() throws {
    let ratio = try overlapVariance(TileBlending(noiseOrigin: { y, x in (y * 37 % 97, x * 53 % 89) }), steps: 1)
    #expect(abs(ratio - 1) > 0.02, "\(ratio)")
  }

  // MARK: S5

  /// The amplitude of the column means at multiples of 1 / stride, over the median of all.
  @Test func theGridLeavesNoLineInTheSpectrum() throws {
    let bench = try RestorationBench(TinyRestoring.picture(120, 272, grain: 0.05)), set = ["sampling.steps=2"]
    func spectrum(_ blending: TileBlending) throws -> (line: Double, median: Double) {
      let tiled = try bench.restore(TinyRestoring.restorer(set, blending: blending))
      let means = try columnMeans(tiled - bench.restore(TinyRestoring.restorer(set) { ($0.tile, $0.overlap) = (320, 32) }))
      let amplitudes = (1..<(means.count / 2)).map { frequency in
        let parts = means.enumerated().map { place, mean in
          let angle = 2 * .pi * Double(frequency * place) / Double(means.count)
          return (mean * cos(angle), mean * sin(angle))
        }
        return hypot(parts.map(\.0).reduce(0, +), parts.map(\.1).reduce(0, +)) / Double(means.count)
      }
      let lines = stride(from: means.count / 16, to: means.count / 2, by: means.count / 16).map { amplitudes[$0 - 1] }
      return (lines.max() ?? 0, amplitudes.sorted()[amplitudes.count / 2])
    }
    let found = try spectrum(TileBlending())
    #expect(found.line <= max(5 * found.median, 0.02), "\(found)")
  }
}
