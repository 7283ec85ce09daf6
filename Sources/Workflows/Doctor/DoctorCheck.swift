import Checkpoints
import Foundation
import Imaging
import Synchronization
import Tensors

/// A small computation with a known result.
struct DoctorCheck: Sendable {
  let name: String
  /// What to do when it fails.
  let advice: String
  let body: @Sendable () throws -> Void

  /// The mismatch that a check found.
  struct Finding: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  func run() -> DoctorReport.Check {
    do {
      try body()
      return DoctorReport.Check(name: name, outcome: .ok)
    } catch let error as ImagingError {
      if case .libraryMissing = error.problem {
        return DoctorReport.Check(
          name: name, outcome: .missing, problem: "libvips, needed to read and write pictures, was not found", advice: error.hint)
      }
      return DoctorReport.Check(name: name, outcome: .failed, problem: "\(error)", advice: advice)
    } catch {
      return DoctorReport.Check(name: name, outcome: .failed, problem: "\(error)", advice: advice)
    }
  }

  static let all = [libtorch, randomNumbers, convolution, packedConvolution, gradient, threads, pictures, files]

  private static let reinstall =
    "reinstall libtorch: remove .libtorch, or set LIBTORCH to another one, then run ./dev setup and ./dev build"

  private static func expect(_ difference: Double, below limit: Double) throws {
    guard difference < limit else { throw Finding("differs by \(difference), expected less than \(limit)") }
  }

  private static func largest(_ difference: Tensor) throws -> Double { try difference.to(.float64).abs().max().item() }

  // MARK: The checks

  static let libtorch = DoctorCheck(name: "libtorch has the version that the program was built for", advice: reinstall) {
    try Torch.start()
  }

  /// The first numbers of `torch.manual_seed(42); torch.randn(4)`.
  static let randomNumbers = DoctorCheck(name: "random numbers match PyTorch's", advice: reinstall) {
    let expected: [Float] = [0.336690366, 0.128809407, 0.234462366, 0.230333030]
    let found = try Tensor.randn([4], using: Generator(seed: 42)).floats()
    // Processors differ in the last place of the logarithm.
    guard zip(found, expected).allSatisfy({ abs($0 - $1) < 1e-6 }) else { throw Finding("found \(found), expected \(expected)") }
  }

  static let convolution = DoctorCheck(name: "a convolution in float32 is correct", advice: reinstall) {
    let (x, w) = images()
    // 144 products of numbers of order 1, summed in another order.
    try expect(largest(x.conv2d(w, padding: 1) - Tensor(sums(x, w), [2, 8, 5, 5])), below: 1e-4)
  }

  static let packedConvolution = DoctorCheck(name: "a packed convolution in bfloat16 agrees with float32", advice: reinstall) {
    let (x, w) = images()
    let exact = x.conv2d(w, padding: 1)
    let packed = PackedConv2d(w, nil, stride: 1, padding: 1, dtype: .bfloat16)(x.to(.bfloat16).channelsLast())
    // Operands and result have 8 significant bits; errors of 144 products partly cancel.
    try expect(largest(packed.to(.float32) - exact), below: 0.02 * largest(exact))
  }

  static let gradient = DoctorCheck(name: "the gradient of a sum of cubes is correct", advice: reinstall) {
    let x = Tensor([-1.5, 0, 2] as [Float]).requiringGradient()
    try (x * x * x).sum().backward()
    guard let slope = x.gradient else { throw Finding("there is no gradient") }
    try expect(largest(slope - Tensor([6.75, 0, 12] as [Float])), below: 1e-5)
  }

  static let threads = DoctorCheck(
    name: "every thread works", advice: "unset OMP_NUM_THREADS and check whether the process is confined to one core"
  ) {
    let workers = Workers()
    Torch.parallelFor(4 * Torch.threadCount) { _, _ in
      workers.note()
      usleep(2000)  // so that none finishes before the others start
    }
    guard workers.count == Torch.threadCount else { throw Finding("\(workers.count) of \(Torch.threadCount) threads worked") }
  }

  /// The threads seen.
  private final class Workers: Sendable {
    private let seen = Mutex<Set<String>>([])
    func note() {
      let thread = "\(pthread_self())"  // a number on one system, a pointer on another
      _ = seen.withLock { $0.insert(thread) }
    }
    var count: Int { seen.withLock { $0.count } }
  }

  static let pictures = DoctorCheck(
    name: "a picture survives PNG", advice: "reinstall libvips with ./dev setup, or set LIBVIPS to another one"
  ) {
    let picture = Image(width: 5, height: 3, channels: 3, bytes: (0..<45).map { UInt8($0 * 5) })
    guard try Image(decoding: picture.encoded(as: .png)) == picture else { throw Finding("the decoded pixels differ") }
  }

  static let files = DoctorCheck(
    name: "a checkpoint survives the disk", advice: "make the folder for temporary files (TMPDIR) writable, with free space"
  ) {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-doctor-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let numbers = Tensor([1, -2, 0.5] as [Float])
    try Safetensors.write(StateDict([("numbers", numbers)]), metadata: ["from": "doctor"], to: path)
    let contents = try Safetensors.read(path)
    guard contents.metadata == ["from": "doctor"], try contents.state["numbers"]?.bytes() == numbers.bytes() else {
      throw Finding("the numbers read back differ")
    }
  }

  // MARK: Data of the checks

  /// `[2, 16, 5, 5]` and `[8, 16, 3, 3]`.
  private static func images() -> (Tensor, Tensor) {
    let random = Generator(seed: 0)
    return (Tensor.randn([2, 16, 5, 5], using: random), Tensor.randn([8, 16, 3, 3], using: random))
  }

  /// The definition of a convolution of kernel 3 with padding 1, in double precision.
  private static func sums(_ x: Tensor, _ w: Tensor) throws -> [Float] {
    let (a, b) = (try x.doubles(), try w.doubles())
    let (n, inputs, outputs, side) = (x.size(0), x.size(1), w.size(0), x.size(2))
    return (0..<(n * outputs * side * side)).map { index in
      let (column, row, output, image) = (
        index % side, index / side % side, index / (side * side) % outputs, index / (side * side * outputs)
      )
      var sum = 0.0
      for tap in 0..<(inputs * 9) {
        let (input, y, x) = (tap / 9, row + tap / 3 % 3 - 1, column + tap % 3 - 1)
        guard (0..<side).contains(y), (0..<side).contains(x) else { continue }
        sum += a[((image * inputs + input) * side + y) * side + x] * b[output * inputs * 9 + tap]
      }
      return Float(sum)
    }
  }
}
