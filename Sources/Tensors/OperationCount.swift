/// Counts the FLOPs of convolutions, linear maps and attention by running them, best on the `meta` device, where nothing is
/// computed.
///
/// A multiply-add counts as two, as is usual; elementwise operations and norms, a few percent of a network's FLOPs, are left
/// out.
public final class OperationCount: @unchecked Sendable {  // used by the one thread that runs `measure`'s body
  /// The sizes of a convolution.
  public struct Convolution: Sendable, Hashable {
    /// `[N, C, H, W]` and `[O, C, K, K]`.
    public let input: [Int], weight: [Int]
    public let stride: Int, padding: Int

    /// FLOPs of the forward pass.
    public var flops: Double {
      let height = (input[2] + 2 * padding - weight[2]) / stride + 1, width = (input[3] + 2 * padding - weight[3]) / stride + 1
      return 2 * Double(input[0] * height * width) * Double(weight.reduce(1, *))
    }
  }

  public private(set) var convolutions: [Convolution: Int] = [:]
  public private(set) var linearFLOPs = 0.0, attentionFLOPs = 0.0

  public var convolutionFLOPs: Double { convolutions.reduce(0) { $0 + $1.key.flops * Double($1.value) } }
  public var flops: Double { convolutionFLOPs + linearFLOPs + attentionFLOPs }

  @TaskLocal static var current: OperationCount?

  /// Counts the operations that `body` runs.
  public static func measure(_ body: () -> Void) -> OperationCount {
    let count = OperationCount()
    $current.withValue(count) { body() }
    return count
  }

  func addConvolution(_ input: [Int], _ weight: [Int], stride: Int, padding: Int) {
    guard input.count == 4, weight.count == 4 else { return }
    convolutions[Convolution(input: input, weight: weight, stride: stride, padding: padding), default: 0] += 1
  }

  func addLinear(_ input: [Int], _ weight: [Int]) {
    linearFLOPs += 2 * Double(input.dropLast().reduce(1, *)) * Double(weight.reduce(1, *))
  }

  /// q, k, v: `[N, heads, length, d]`.
  func addAttention(_ q: [Int], _ k: [Int]) {
    guard q.count == 4, k.count == 4 else { return }
    attentionFLOPs += 4 * Double(q.reduce(1, *)) * Double(k[2])
  }
}
