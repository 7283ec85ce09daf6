import NN
import Tensors

// The blocks of Inception (Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", figures 5 to 7 and 10), in
// the order and with the names of the published weights. Each returns its branches side by side, as channels.

/// Means of 3 x 3 pixels. TensorFlow does not count pixels beyond the edge.
private func means(_ x: Tensor) -> Tensor { x.avgPool2d(3, stride: 1, padding: 1) }

/// Kernels of 1, 5 and twice 3, at 35 x 35.
final class InceptionBlockA: Module {
  enum StateKeys: String, CaseIterable {
    case branch5x5a = "branch5x5_1", branch5x5b = "branch5x5_2"
    case branch3x3a = "branch3x3dbl_1", branch3x3b = "branch3x3dbl_2", branch3x3c = "branch3x3dbl_3"
    case branchPool = "branch_pool"
  }
  let branch1x1: InceptionConvolution
  let branch5x5a: InceptionConvolution, branch5x5b: InceptionConvolution
  let branch3x3a: InceptionConvolution, branch3x3b: InceptionConvolution, branch3x3c: InceptionConvolution
  let branchPool: InceptionConvolution

  init(_ inputs: Int, pool: Int, _ width: (Int) -> Int, using initializer: Initializer) {
    branch1x1 = InceptionConvolution(inputs, width(64), 1, using: initializer)
    branch5x5a = InceptionConvolution(inputs, width(48), 1, using: initializer)
    branch5x5b = InceptionConvolution(width(48), width(64), 5, using: initializer)
    branch3x3a = InceptionConvolution(inputs, width(64), 1, using: initializer)
    branch3x3b = InceptionConvolution(width(64), width(96), 3, using: initializer)
    branch3x3c = InceptionConvolution(width(96), width(96), 3, using: initializer)
    branchPool = InceptionConvolution(inputs, width(pool), 1, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    .cat([branch1x1(x), branch5x5b(branch5x5a(x)), branch3x3c(branch3x3b(branch3x3a(x))), branchPool(means(x))], dim: 1)
  }
}

/// Halves 35 x 35 to 17 x 17.
final class InceptionBlockB: Module {
  enum StateKeys: String, CaseIterable {
    case branch3x3 = "branch3x3", branch3x3a = "branch3x3dbl_1", branch3x3b = "branch3x3dbl_2", branch3x3c = "branch3x3dbl_3"
  }
  let branch3x3: InceptionConvolution
  let branch3x3a: InceptionConvolution, branch3x3b: InceptionConvolution, branch3x3c: InceptionConvolution

  init(_ inputs: Int, _ width: (Int) -> Int, using initializer: Initializer) {
    branch3x3 = InceptionConvolution(inputs, width(384), 3, stride: 2, padding: 0, using: initializer)
    branch3x3a = InceptionConvolution(inputs, width(64), 1, using: initializer)
    branch3x3b = InceptionConvolution(width(64), width(96), 3, using: initializer)
    branch3x3c = InceptionConvolution(width(96), width(96), 3, stride: 2, padding: 0, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    .cat([branch3x3(x), branch3x3c(branch3x3b(branch3x3a(x))), x.maxPool2d(3, stride: 2)], dim: 1)
  }
}

/// Kernels of 1 x 7 and 7 x 1 in turn, at 17 x 17.
final class InceptionBlockC: Module {
  enum StateKeys: String, CaseIterable {
    case branch7x7a = "branch7x7_1", branch7x7b = "branch7x7_2", branch7x7c = "branch7x7_3"
    case doubleA = "branch7x7dbl_1", doubleB = "branch7x7dbl_2", doubleC = "branch7x7dbl_3", doubleD = "branch7x7dbl_4"
    case doubleE = "branch7x7dbl_5", branchPool = "branch_pool"
  }
  let branch1x1: InceptionConvolution
  let branch7x7a: InceptionConvolution, branch7x7b: InceptionConvolution, branch7x7c: InceptionConvolution
  let doubleA: InceptionConvolution, doubleB: InceptionConvolution, doubleC: InceptionConvolution, doubleD: InceptionConvolution
  let doubleE: InceptionConvolution, branchPool: InceptionConvolution

  init(_ inputs: Int, inner: Int, _ width: (Int) -> Int, using initializer: Initializer) {
    let inner = width(inner), outputs = width(192)
    func row(_ from: Int, _ to: Int) -> InceptionConvolution {
      InceptionConvolution(from, to, kernel: (1, 7), padding: (0, 3), using: initializer)
    }
    func column(_ from: Int, _ to: Int) -> InceptionConvolution {
      InceptionConvolution(from, to, kernel: (7, 1), padding: (3, 0), using: initializer)
    }
    branch1x1 = InceptionConvolution(inputs, outputs, 1, using: initializer)
    branch7x7a = InceptionConvolution(inputs, inner, 1, using: initializer)
    (branch7x7b, branch7x7c) = (row(inner, inner), column(inner, outputs))
    doubleA = InceptionConvolution(inputs, inner, 1, using: initializer)
    (doubleB, doubleC, doubleD, doubleE) = (column(inner, inner), row(inner, inner), column(inner, inner), row(inner, outputs))
    branchPool = InceptionConvolution(inputs, outputs, 1, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let single = branch7x7c(branch7x7b(branch7x7a(x)))
    let double = doubleE(doubleD(doubleC(doubleB(doubleA(x)))))
    return .cat([branch1x1(x), single, double, branchPool(means(x))], dim: 1)
  }
}

/// Halves 17 x 17 to 8 x 8.
final class InceptionBlockD: Module {
  enum StateKeys: String, CaseIterable {
    case branch3x3a = "branch3x3_1", branch3x3b = "branch3x3_2"
    case branch7x7a = "branch7x7x3_1", branch7x7b = "branch7x7x3_2", branch7x7c = "branch7x7x3_3", branch7x7d = "branch7x7x3_4"
  }
  let branch3x3a: InceptionConvolution, branch3x3b: InceptionConvolution
  let branch7x7a: InceptionConvolution, branch7x7b: InceptionConvolution, branch7x7c: InceptionConvolution
  let branch7x7d: InceptionConvolution

  init(_ inputs: Int, _ width: (Int) -> Int, using initializer: Initializer) {
    let inner = width(192)
    branch3x3a = InceptionConvolution(inputs, inner, 1, using: initializer)
    branch3x3b = InceptionConvolution(inner, width(320), 3, stride: 2, padding: 0, using: initializer)
    branch7x7a = InceptionConvolution(inputs, inner, 1, using: initializer)
    branch7x7b = InceptionConvolution(inner, inner, kernel: (1, 7), padding: (0, 3), using: initializer)
    branch7x7c = InceptionConvolution(inner, inner, kernel: (7, 1), padding: (3, 0), using: initializer)
    branch7x7d = InceptionConvolution(inner, inner, 3, stride: 2, padding: 0, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    .cat([branch3x3b(branch3x3a(x)), branch7x7d(branch7x7c(branch7x7b(branch7x7a(x)))), x.maxPool2d(3, stride: 2)], dim: 1)
  }
}

/// Kernels of 1 x 3 and 3 x 1 beside each other, at 8 x 8.
final class InceptionBlockE: Module {
  /// What the branch without a kernel takes of 3 x 3 pixels. Of the two blocks the network of 2015 has means in the first and the
  /// largest values in the last, where the paper has means in both.
  enum Pool: String, Encodable { case means, largest }

  enum StateKeys: String, CaseIterable {
    case branch3x3 = "branch3x3_1", branch3x3row = "branch3x3_2a", branch3x3column = "branch3x3_2b"
    case doubleA = "branch3x3dbl_1", doubleB = "branch3x3dbl_2", doubleRow = "branch3x3dbl_3a", doubleColumn = "branch3x3dbl_3b"
    case branchPool = "branch_pool"
  }
  let branch1x1: InceptionConvolution
  let branch3x3: InceptionConvolution, branch3x3row: InceptionConvolution, branch3x3column: InceptionConvolution
  let doubleA: InceptionConvolution, doubleB: InceptionConvolution, doubleRow: InceptionConvolution
  let doubleColumn: InceptionConvolution, branchPool: InceptionConvolution
  private let pool: Pool

  init(_ inputs: Int, pool: Pool, _ width: (Int) -> Int, using initializer: Initializer) {
    let inner = width(384)
    func row() -> InceptionConvolution { InceptionConvolution(inner, inner, kernel: (1, 3), padding: (0, 1), using: initializer) }
    func column() -> InceptionConvolution { InceptionConvolution(inner, inner, kernel: (3, 1), padding: (1, 0), using: initializer) }
    branch1x1 = InceptionConvolution(inputs, width(320), 1, using: initializer)
    branch3x3 = InceptionConvolution(inputs, inner, 1, using: initializer)
    (branch3x3row, branch3x3column) = (row(), column())
    doubleA = InceptionConvolution(inputs, width(448), 1, using: initializer)
    doubleB = InceptionConvolution(width(448), inner, 3, using: initializer)
    (doubleRow, doubleColumn) = (row(), column())
    branchPool = InceptionConvolution(inputs, width(192), 1, using: initializer)
    self.pool = pool
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let single = branch3x3(x), double = doubleB(doubleA(x))
    let pooled = pool == .means ? means(x) : x.maxPool2d(3, stride: 1, padding: 1)
    return .cat(
      [
        branch1x1(x), branch3x3row(single), branch3x3column(single), doubleRow(double), doubleColumn(double), branchPool(pooled),
      ], dim: 1)
  }
}
