import Failures
import Metrics
import Tensors
import Testing

@Suite("The kernel distance") struct KernelDistanceTests {
  @Test func isTheSumOverPairsWorkedOutByHand() throws {
    // k(0, 1) = 1, k(0, 2) = 1; across: 1, 1, 1 and (2 + 1)³.
    #expect(try KernelDistance.squaredMMD(Tensor([0.0, 1], [2, 1]), Tensor([0.0, 2], [2, 1])) == 1 + 1 - 2 * 30 / 4)
  }

  @Test func blocksOfRowsDoNotShow() throws {
    let random = Generator(seed: 2)
    let x = Tensor.randn([1030, 2], dtype: .float64, using: random), y = Tensor.randn([40, 2], dtype: .float64, using: random)
    let xs = try x.doubles(), ys = try y.doubles()
    func sum(_ a: [Double], _ b: [Double], leavingOutEqual: Bool) -> Double {
      var total = 0.0
      for i in 0..<(a.count / 2) {
        for j in 0..<(b.count / 2) where !leavingOutEqual || i != j {
          let base = (a[2 * i] * b[2 * j] + a[2 * i + 1] * b[2 * j + 1]) / 2 + 1
          total += base * base * base
        }
      }
      return total
    }
    let want =
      sum(xs, xs, leavingOutEqual: true) / (1030 * 1029) + sum(ys, ys, leavingOutEqual: true) / (40 * 39)
      - 2 * sum(xs, ys, leavingOutEqual: false) / (1030 * 40)
    // Rounding of sums of a million terms.
    #expect(abs(try KernelDistance.squaredMMD(x, y) - want) < 1e-10)
  }

  @Test func subsetsDependOnTheSeedAlone() throws {
    let random = Generator(seed: 3)
    let x = Tensor.randn([60, 4], using: random), y = Tensor.randn([50, 4], using: random) + 0.5
    let a = try KernelDistance(x, y, subsets: 5, subsetSize: 20, seed: 1)
    #expect(try a == KernelDistance(x, y, subsets: 5, subsetSize: 20, seed: 1))
    #expect(try a != KernelDistance(x, y, subsets: 5, subsetSize: 20, seed: 2))
    #expect(a.subsets == 5 && a.subsetSize == 20 && a.deviation > 0 && a.mean > 0)
    let whole = try KernelDistance(x.slice(0, 0..<50), y, seed: 1)
    #expect(whole.subsets == 1 && whole.deviation == 0)
    #expect(try whole.mean == KernelDistance.squaredMMD(x.slice(0, 0..<50), y))
  }

  @Test func setsThatHaveNoPairsAreRefused() {
    #expect(throws: SfumatoError.self) { try KernelDistance.squaredMMD(.ones([1, 2]), .ones([3, 2])) }
    #expect(throws: SfumatoError.self) { try KernelDistance.squaredMMD(.ones([2, 3]), .ones([2, 4])) }
  }
}
