import Foundation
import Testing

@testable import Tensors

@Suite("libtorch and its devices") struct TorchTests {
  @Test func theLibraryHasTheHeadersVersion() throws {
    #expect(Torch.libraryVersion == Torch.headerVersion)
    #expect(["2.11.0", "2.13.0", "2.15.0"].contains(Torch.headerVersion))
    #expect(Torch.libraryPath.contains("libtorch_cpu"))
    #expect(Torch.buildDescription.contains("PyTorch built with"))
    #expect(!Torch.cpuCapability.isEmpty)
    try Torch.start()
  }

  @Test func processorFeaturesBuildOnEachOther() {
    let features = Torch.cpuFeatures
    #if arch(x86_64)
      let order = ["avx2", "avx512f", "avx512_bf16"]
      #expect(features.filter(order.contains) == Array(order.prefix(features.filter(order.contains).count)))
      if Torch.cpuCapability.hasPrefix("AVX512") { #expect(features.contains("avx512f")) }
    #elseif arch(arm64)
      #expect(features.contains("neon"))
    #endif
    #expect(Set(features).count == features.count)
  }

  @Test func devicesAreParsedAndPrinted() {
    for (text, device) in [("cpu", Device.cpu), ("mps", .mps), ("meta", .meta), ("cuda:1", .cuda(1))] {
      #expect(Device(text) == device)
      #expect(device.description == text)
    }
    #expect(Device("cuda") == .cuda(0))
    for text in ["", "CPU", "cuda:", "cuda:-1", "cuda:128", "cuda:x", "cuda:1:1", "gpu"] { #expect(Device(text) == nil) }
    #expect(Device.cpu.isAvailable)
    #expect(Device.meta.isAvailable)
    #expect(!Device.cuda(Torch.cudaDeviceCount).isAvailable)
    #expect(Device.mps.isAvailable == Torch.mpsIsAvailable)
    Device.cpu.synchronize()
  }

  @Test func aMissingDeviceIsAFault() {
    #expect(Tensor.ones([1], on: .cuda(Torch.cudaDeviceCount)).fault != nil)
    #expect(Tensor.ones([1]).to(.cuda(Torch.cudaDeviceCount)).fault?.operation == "to")
  }

  @Test func metaTensorsHaveShapesButNoElements() {
    let x = Tensor.empty([1 << 20, 3, 64, 64], on: .meta)
    let y = x.conv2d(.empty([8, 3, 3, 3], on: .meta), stride: 2, padding: 1).silu().groupNorm(groups: 2)
    #expect(y.fault == nil)
    #expect(y.shape == [1 << 20, 8, 32, 32])
    #expect(y.device == .meta)
    let rows = y.permute(0, 2, 3, 1).reshape(1 << 20, 1, 1024, 8)
    #expect(Tensor.attention(rows, rows, rows).shape == [1 << 20, 1, 1024, 8])
    #expect(y.interpolate(height: 64, width: 64, .nearest).avgPool2d(2).shape == y.shape)
    #expect(x.conv2d(.empty([8, 4, 3, 3], on: .meta)).fault?.operation == "conv2d")
    #expect(throws: TorchFault.self) { try y.floats() }
    #expect(Tensor.ones([2, 2], on: .meta).matmul(.ones([3, 3], on: .meta)).fault?.operation == "matmul")
  }
}

@Suite("Parallel loops") struct ParallelTests {
  private final class Visits: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var threads: Set<UInt> = [], parts: [Range<Int>] = []
    func visit(_ begin: Int, _ end: Int) {
      lock.withLock {
        threads.insert(currentThread())
        parts.append(begin..<end)
      }
    }
  }

  /// Runs `body` with this many threads.
  private func with(threads: Int, _ body: () -> Void) {
    let before = Torch.threadCount
    Torch.threadCount = threads
    defer { Torch.threadCount = before }
    body()
  }

  @Test func everyThreadWorks() {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let threads = min(cores, 4), visits = Visits()
    with(threads: threads) {
      Torch.parallelFor(threads * 4) { begin, end in
        Thread.sleep(forTimeInterval: 0.02)  // long enough for each thread to come for a part
        visits.visit(begin, end)
      }
    }
    #expect(visits.threads.count == threads)
  }

  @Test(arguments: [(0, 1), (1, 1), (7, 1), (1000, 1), (10, 4), (3, 100)]) func everyIndexIsVisitedOnce(count: Int, grain: Int) {
    let visits = Visits()
    with(threads: 3) { Torch.parallelFor(count, grain: grain) { visits.visit($0, $1) } }
    #expect(visits.parts.sorted { $0.lowerBound < $1.lowerBound }.flatMap { Array($0) } == Array(0..<count))
    #expect(visits.parts.count <= max(1, (count + grain - 1) / grain))
  }

  @Test func aNestedLoopRunsOnItsCallersThread() {
    let inner = Visits(), outer = Visits()
    with(threads: 2) {
      Torch.parallelFor(2) { begin, end in
        outer.visit(begin, end)
        Torch.parallelFor(8) { inner.visit($0, $1) }
      }
    }
    #expect(inner.parts.allSatisfy { $0 == 0..<8 })
    #expect(inner.parts.count == outer.parts.count)
  }

  @Test func aSingleThreadIsTheCaller() {
    let visits = Visits()
    with(threads: 1) { Torch.parallelFor(100) { visits.visit($0, $1) } }
    #expect(visits.threads == [currentThread()])
  }

  @Test func theBackendIsNamed() {
    #expect(["gomp", "pool"].contains(Torch.parallelBackend))
    #if os(Linux)
      #expect(Torch.parallelBackend == "gomp")
    #endif
  }
}

@Suite("Convolution rates") struct ConvolutionRateTests {
  @Test func operationsAreCounted() {
    let same = ConvolutionShape(images: 2, inputs: 3, outputs: 5, height: 8, width: 6, kernel: 3)
    #expect(same.flops == 2 * 2 * 3 * 5 * 9 * 48)
    let halving = ConvolutionShape(images: 1, inputs: 3, outputs: 5, height: 8, width: 6, kernel: 3, stride: 2)
    #expect(halving.flops == 2 * 3 * 5 * 9 * 12)
    #expect(ConvolutionShape(images: 1, inputs: 1, outputs: 1, height: 4, width: 4, kernel: 3, padding: 0).flops == 2 * 9 * 4)
  }

  @Test func floorsAreFLOPsOverRate() {
    let rate = ConvolutionRate(forward: 4, inputGradient: 2, weightGradient: 1)
    #expect(rate.inferenceFloor(flops: 8) == 2)
    #expect(rate.trainingFloor(flops: 8) == 14)
  }

  @Test(arguments: [DType.float32, .bfloat16]) func ratesOfForwardAndBothGradientsAreMeasured(dtype: DType) throws {
    let shape = ConvolutionShape(images: 1, inputs: 4, outputs: 4, height: 4, width: 4, kernel: 3)
    let rate = try ConvolutionRate.measure([shape, shape], dtype: dtype, rounds: 1)
    for value in [rate.forward, rate.inputGradient, rate.weightGradient] { #expect(value > 0 && value.isFinite) }
  }

  @Test func anImpossibleShapeIsAFault() {
    let shape = ConvolutionShape(images: 1, inputs: 1, outputs: 1, height: 1, width: 1, kernel: 3, padding: 0)
    #expect(throws: TorchFault.self) { try ConvolutionRate.measure([shape], dtype: .float32) }
  }
}
