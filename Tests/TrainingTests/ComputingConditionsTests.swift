import Tensors
import Testing

@testable import Training

@Suite("What the bytes of a training depend on", .serialized) struct ComputingConditionsTests {
  private let here = ComputingConditions(threads: 4, processor: ["avx2"], libtorch: "2.13.0")

  private func adopt(_ change: (inout ComputingConditions) -> Void, isSet: Bool = false) -> (notes: [String], threads: Int) {
    let before = Torch.threadCount
    defer { Torch.threadCount = before }
    Torch.threadCount = 4
    var stored = here
    change(&stored)
    let notes = stored.adopt(here, isSet: isSet)
    return (notes, Torch.threadCount)
  }

  @Test func theSameConditionsNeedNoWord() {
    let (notes, threads) = adopt { _ in }
    #expect(notes.isEmpty && threads == 4)
  }

  @Test func fewerThreadsAreTakenOver() {
    let (notes, threads) = adopt { $0.threads = 2 }
    #expect(threads == 2 && notes.count == 1 && notes[0].contains("2 of 4 threads") && notes[0].contains("OMP_NUM_THREADS=4"))
  }

  @Test func aNumberThatTheUserSetStays() {
    let (notes, threads) = adopt({ $0.threads = 2 }, isSet: true)
    #expect(threads == 4 && notes.count == 1 && notes[0].contains("2 threads, now 4"))
  }

  @Test func moreThreadsThanThereAreAreReported() {
    let (notes, threads) = adopt { $0.threads = 8 }
    #expect(threads == 4 && notes.count == 1 && notes[0].contains("8 threads, now 4"))
  }

  @Test func anotherProcessorOrLibraryIsReported() {
    let (notes, _) = adopt { ($0.processor, $0.libtorch) = (["avx2", "avx512f"], "2.11.0") }
    #expect(notes.count == 1 && notes[0].contains("libtorch 2.11.0, now 2.13.0; avx2 avx512f, now avx2"))
  }

  @Test(arguments: [0, -3, 1 << 40]) func anImpossibleNumberIsIgnored(threads: Int) {
    #expect(adopt { $0.threads = threads } == ([], 4))
  }

  @Test(
    arguments: [
      (.cpu, ["avx2", "avx512f", "avx512_bf16"], .float32), (.cpu, ["avx2", "avx512f", "avx512_bf16", "amx_bf16"], .bfloat16),
      (.cuda(0), [], .bfloat16), (.mps, [], .float32),
    ] as [(Device, [String], Precision)])
  func automaticPrecisionFollowsAFixedRule(device: Device, features: [String], expected: Precision) {
    #expect(PrecisionChoice.auto.resolved(on: device, features: features) == expected)
    #expect(PrecisionChoice(expected).resolved(on: .cpu, features: []) == expected)
  }
}
