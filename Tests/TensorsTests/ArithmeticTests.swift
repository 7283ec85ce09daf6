import Foundation
import Testing

@testable import Tensors

@Suite("Elementwise arithmetic") struct ArithmeticTests {
  let a = Tensor([1, -2, 3] as [Float]), b = Tensor([4, 5, -6] as [Float])

  @Test func tensorsCombineElementByElement() throws {
    try expect(a + b, [5, 3, -3])
    try expect(a - b, [-3, -7, 9])
    try expect(a * b, [4, -10, -18])
    try expect(b / a, [4, -2.5, -2])
    try expect(a.maximum(b), [4, 5, 3])
    try expect(a.minimum(b), [1, -2, -6])
    try expect(a.pow(Tensor([2, 3, 0.5] as [Float])), [1, -8, 3.0.squareRoot()], within: 1e-6)
    try expect(a.lerp(b, 0.25), [1.75, -0.25, 0.75])
    try expect(.where(Tensor([1, 0, 1]).gt(0), a, b), [1, 5, 3])
  }

  @Test func numbersCombineWithTensorsOnEitherSide() throws {
    try expect(a + 2, [3, 0, 5])
    try expect(2 + a, [3, 0, 5])
    try expect(a - 2, [-1, -4, 1])
    try expect(2 - a, [1, 4, -1])
    try expect(a * 2, [2, -4, 6])
    try expect(2 * a, [2, -4, 6])
    try expect(a / 2, [0.5, -1, 1.5])
    try expect(6 / a, [6, -3, 2])
    try expect(-a, [-1, 2, -3])
    try expect(a.pow(2), [1, 4, 9])
    try expect(a.clamp(-1...2), [1, -1, 2])
  }

  @Test func aNumberDoesNotWidenATensor() {
    #expect((Tensor.ones([1], dtype: .bfloat16) * 0.1).dtype == .bfloat16)
    #expect((Tensor.ones([1]) + 0.1).dtype == .float32)
  }

  @Test func shapesBroadcastFromTheLastAxis() throws {
    let column = counting(2, 1), row = counting(3)
    try expect(column * 10 + row, [0, 1, 2, 10, 11, 12], [2, 3])
    #expect((Tensor.ones([2]) + Tensor.ones([3])).fault?.operation == "+")
  }

  typealias Function = (name: String, of: @Sendable (Tensor) -> Tensor, expected: @Sendable (Double) -> Double)
  static let functions: [Function] = [
    ("abs", { $0.abs() }, { abs($0) }),
    ("exp", { $0.exp() }, { exp($0) }),
    ("log", { $0.log() }, { log($0) }),
    ("sqrt", { $0.sqrt() }, { $0.squareRoot() }),
    ("square", { $0.square() }, { $0 * $0 }),
    ("sin", { $0.sin() }, { sin($0) }), ("cos", { $0.cos() }, { cos($0) }), ("tanh", { $0.tanh() }, { tanh($0) }),
    ("sigmoid", { $0.sigmoid() }, { 1 / (1 + exp(-$0)) }), ("silu", { $0.silu() }, { $0 / (1 + exp(-$0)) }),
    ("gelu", { $0.gelu() }, { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }), ("relu", { $0.relu() }, { max($0, 0) }),
    ("geluTanh", { $0.geluTanh() }, { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * pow($0, 3)))) }),
    ("leakyReLU", { $0.leakyReLU(0.2) }, { $0 < 0 ? 0.2 * $0 : $0 }),
    ("floor", { $0.floor() }, { floor($0) }),
    ("round", { $0.round() }, { $0.rounded(.toNearestOrEven) }),
    ("silu, as the papers write it", { silu($0) }, { $0 / (1 + exp(-$0)) }),
  ]

  @Test(arguments: functions.indices) func eachFunctionComputesWhatItsNameSays(index: Int) throws {
    let (name, function, expected) = Self.functions[index]
    let points = [-2.5, -1.5, -0.25, 0, 0.5, 1.5, 3].filter { !expected($0).isNaN && expected($0).isFinite }
    let found = try function(Tensor(points)).doubles()
    for (x, y) in zip(points, found) {
      // A few units in the last place of float64.
      #expect(abs(y - expected(x)) <= 1e-14 * max(1, abs(expected(x))), "\(name)(\(x)) is \(y), not \(expected(x))")
    }
    #expect(points.count >= 3)
  }

  @Test func comparisonsAreBools() throws {
    let x = Tensor([1, 2, 3] as [Float]), y = Tensor([3, 2, 1] as [Float])
    let byTensor = [x.eq(y), x.ne(y), x.lt(y), x.le(y), x.gt(y), x.ge(y)]
    let expected: [[Double]] = [[0, 1, 0], [1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]]
    for (found, values) in zip(byTensor, expected) { try expect(found, values) }
    let byNumber = [x.eq(2), x.lt(2), x.le(2), x.gt(2), x.ge(2)]
    for (found, values) in zip(byNumber, [expected[0], expected[2], expected[3], expected[4], expected[5]]) {
      #expect(found.dtype == .bool)
      try expect(found, values)
    }
    try expect(x.lt(3).and(x.gt(1)), [0, 1, 0])
    try expect(x.lt(2).or(x.gt(2)), [1, 0, 1])
    try expect(x.lt(2).not(), [0, 1, 1])
  }

  @Test func infinityAndNaNAreFound() throws {
    let x = Tensor([1, .infinity, -.infinity, .nan] as [Float])
    try expect(x.isFinite(), [1, 0, 0, 0])
    try expect(x.isNaN(), [0, 0, 0, 1])
  }
}

@Suite("Reductions") struct ReductionTests {
  let x = Tensor([1, 2, 3, 4, 5, 9] as [Float], [2, 3])

  @Test func overEveryAxis() throws {
    try expect(x.sum(), [24], [])
    try expect(x.mean(), [4], [])
    try expect(x.max(), [9], [])
    try expect(x.min(), [1], [])
    try expect(x.norm(), [sqrt(136)], [], within: 1e-5)
    try expect(x.variance(), [8], [], within: 1e-6)
    try expect(x.variance(correction: 0), [40.0 / 6], [], within: 1e-6)
  }

  @Test func overOneAxisKeptOrNot() throws {
    try expect(x.sum(1), [6, 18])
    try expect(x.sum(0), [5, 7, 12])
    try expect(x.sum(-1, keep: true), [6, 18], [2, 1])
    try expect(x.sum(0, 1, keep: true), [24], [1, 1])
    try expect(x.mean(1), [2, 6])
    try expect(x.max(0), [4, 5, 9])
    try expect(x.min(1, keep: true), [1, 4], [2, 1])
    try expect(x.norm(1), [sqrt(14), sqrt(122)], within: 1e-5)
    try expect(x.variance(1), [1, 7], within: 1e-5)
    try expect(x.reshape(2, 3, 1).meanPerImage(), [2, 6])
    try expect(Tensor([1, 2] as [Float]).meanPerImage(), [1, 2])
    #expect(x.sum(2).fault?.operation == "sum")
  }

  @Test func alongAnAxis() throws {
    try expect(x.argmax(1), [2, 2])
    try expect((-x).argmax(0), [0, 0, 0])
    let e = [exp(0.0), exp(1), exp(2)], total = e.reduce(0, +)
    let rising = Tensor([0, 1, 2] as [Double])
    try expect(rising.softmax(0), e.map { $0 / total }, within: 1e-15)
    try expect(rising.logSoftmax(0), e.map { log($0 / total) }, within: 1e-15)
    let mixed = Tensor([3, 1, 2] as [Float])
    try expect(mixed.sorted(0), [1, 2, 3])
    try expect(mixed.sorted(0, descending: true), [3, 2, 1])
    try expect(mixed.quantile(0.25, 0), [1.5], [])
    try expect(x.quantile(0.5, 1, keep: true), [2, 5], [2, 1])
  }

  @Test func allAndAny() throws {
    #expect(try x.gt(0).all().item() == 1)
    #expect(try x.gt(1).all().item() == 0)
    #expect(try x.gt(8).any().item() == 1)
    #expect(try x.gt(9).any().item() == 0)
  }
}
