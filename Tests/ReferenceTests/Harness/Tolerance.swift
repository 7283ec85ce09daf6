import Foundation
import Tensors

/// How far a number may lie from the one recorded: `abs(got − want) <= atol + rtol · abs(want)`.
struct Tolerance {
  private enum Absolute {
    case all(Double)
    /// One for each index of the first axis, or of the last.
    case rows([Double]), columns([Double])
  }
  private let absolute: Absolute
  private let relative: Double
  /// Flat indices of elements that rounding alone decides.
  var leftOut: Set<Int>

  init(_ json: JSON, shape: [Int], of name: String) throws {
    guard let relative = json["rtol"]?.number else { throw ReferenceError("\(name) has no rtol") }
    self.relative = relative
    if let rows = json["atol_rows"]?.numbers, rows.count == shape.first {
      absolute = .rows(rows)
    } else if let columns = json["atol_columns"]?.numbers, columns.count == shape.last {
      absolute = .columns(columns)
    } else if let all = json["atol"]?.number, json["atol_rows"] == nil, json["atol_columns"] == nil {
      absolute = .all(all)
    } else {
      throw ReferenceError("\(name): its absolute tolerance is not understood")
    }
    guard let leftOut = (json["leave_out"] ?? .array([])).ints else { throw ReferenceError("\(name): leave_out is not understood") }
    self.leftOut = Set(leftOut)
  }

  /// What an element may be off.
  func allowed(_ index: Int, want: Double, count: Int) -> Double {
    let absolute =
      switch absolute {
      case .all(let value): value
      case .rows(let values): values[index / (count / values.count)]
      case .columns(let values): values[index % values.count]
      }
    return absolute + relative * abs(want)
  }

  /// What is wrong with a tensor; nil when it is as recorded.
  func complaint(got: Tensor, want: Tensor) throws -> String? {
    let got = try got.validated()
    guard got.shape == want.shape else { return "its shape is \(got.shape), expected \(want.shape)" }
    let a = try got.doubles(), b = try want.doubles()
    let wrong = a.indices.filter { !leftOut.contains($0) && !agree(a[$0], b[$0], index: $0, count: b.count) }
    guard let first = wrong.first else { return nil }
    let allowed = allowed(first, want: b[first], count: b.count)
    return "element \(first) is \(a[first]), expected \(b[first]) within \(allowed); \(wrong.count) of \(a.count) are off"
  }

  private func agree(_ got: Double, _ want: Double, index: Int, count: Int) -> Bool {
    guard want.isFinite else { return got == want || (got.isNaN && want.isNaN) }
    return abs(got - want) <= allowed(index, want: want, count: count)
  }
}
