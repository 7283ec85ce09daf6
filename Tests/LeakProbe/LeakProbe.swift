import Foundation
import Tensors

/// Runs workloads repeatedly and prints, as JSON, the number of live tensors and the resident memory before and after, which do
/// not grow if nothing leaks. The argument selects the workloads: `tensors` or `workflows`.
@main struct LeakProbe {
  struct Workload {
    let name: String
    let rounds: Int
    let round: () throws -> Void
  }

  struct Measured: Encodable {
    let name: String
    let rounds: Int
    let handlesBefore: Int, handlesAfter: Int
    let residentBefore: Int, residentAfter: Int
  }

  static func main() throws {
    Torch.threadCount = 1
    let workloads = CommandLine.arguments.last == "workflows" ? try WorkflowWorkloads.all() : TensorWorkloads.all
    let measured = try workloads.map(measure)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(["workloads": measured]), as: UTF8.self))
  }

  /// The first quarter of the rounds warms up the caches of libtorch and the allocator.
  static func measure(_ workload: Workload) throws -> Measured {
    for _ in 0..<workload.rounds / 4 { try workload.round() }
    let handles = Torch.liveHandleCount, resident = residentBytes()
    for _ in 0..<workload.rounds { try workload.round() }
    return Measured(
      name: workload.name, rounds: workload.rounds, handlesBefore: handles, handlesAfter: Torch.liveHandleCount,
      residentBefore: resident, residentAfter: residentBytes())
  }

  /// Resident memory of this process; 0 on systems without Linux's /proc.
  static func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// Workloads that use tensors only.
enum TensorWorkloads {
  static var all: [LeakProbe.Workload] {
    [
      LeakProbe.Workload(name: "arithmetic", rounds: 400, round: arithmetic),
      LeakProbe.Workload(name: "gradients", rounds: 400, round: gradients),
      LeakProbe.Workload(name: "faults", rounds: 400, round: faults),
      LeakProbe.Workload(name: "borrowed memory", rounds: 400, round: borrowed),
      LeakProbe.Workload(name: "packed convolution", rounds: 400, round: packed),
    ]
  }

  private static let image = Tensor.randn([4, 16, 32, 32], using: Generator(seed: 1)).channelsLast()

  static func arithmetic() throws {
    let parts = (image * 2 + image).silu().chunk(2, dim: 1)
    _ = try Tensor.cat(parts, dim: 1).sum(1, keep: true).mean().item()
    _ = try Generator(seed: 1).state()
  }

  static func gradients() throws {
    let x = image.requiringGradient(), weight = Tensor.ones([16, 16, 3, 3]).requiringGradient()
    let modulation = Tensor.ones([4, 16]).requiringGradient()
    let h = withAutocast(to: .bfloat16, on: .cpu) { x.conv2d(weight, padding: 1) }
    let y = h.groupNorm(groups: 4, scale: modulation, shift: modulation, activation: .silu).to(.float32)
    _ = try y.sum().gradients(of: [modulation])
    let moments = InPlaceStep(weight)
    try (x * x).sum().backward()
    try moments.step()
  }

  static func faults() throws {
    let failed = image.matmul(.ones([3, 5])).silu()
    _ = failed.chunk(4, dim: 0)
    if (try? failed.item()) != nil { throw Unexpected() }
    let leaf = image.requiringGradient()
    if (try? (leaf * 2).backward()) != nil { throw Unexpected() }
  }

  static func borrowed() throws {
    let region = Region()
    _ = try Tensor(borrowing: region.pointer, [1 << 14], .float32, owner: region).sum().item()
  }

  static func packed() throws {
    let packed = PackedConv2d(.ones([16, 16, 3, 3]), .ones([16]), stride: 1, padding: 1, dtype: .bfloat16)
    _ = try packed(image.to(.bfloat16), addingTo: image.to(.bfloat16)).validated()
  }

  struct Unexpected: Error {}

  final class Region {
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: 1 << 14)
    init() { pointer.initialize(repeating: 1, count: 1 << 14) }
    deinit { pointer.deallocate() }
  }

  /// One parameter with its optimiser state.
  struct InPlaceStep {
    let parameter: Tensor, moments: InPlace.Moments
    init(_ parameter: Tensor) {
      self.parameter = parameter
      moments = InPlace.Moments(of: parameter)
    }
    func step() throws {
      try (parameter * parameter).sum().backward()
      _ = try InPlace.gradientNorm([parameter])
      try InPlace.adam([parameter], [moments], .init(learningRate: 1e-3, betas: (0.9, 0.999), eps: 1e-8))
      try InPlace.average([moments.first], towards: [parameter.detach()], rate: 0.9)
      try InPlace.clearGradients([parameter])
    }
  }
}
