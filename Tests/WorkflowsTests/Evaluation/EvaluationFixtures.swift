import Archives
import Foundation
import Imaging
import Tensors

@testable import Workflows

/// Small sets of pictures to judge.
struct EvaluationShop {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// Grey pictures of 5 x 5 around a level, each with a class of three in turn.
  func set(_ name: String, count: Int, seed: UInt64, level: Double = 128, side: Int = 5, hasLabels: Bool = true) throws -> String {
    let noise = try (Tensor.randn([count, side, side], using: Generator(seed: seed)) * 20 + level).clamp(0...255).uint8s()
    let images = (0..<count).map { at in
      Image(width: side, height: side, channels: 1, bytes: Array(noise[(at * side * side)..<((at + 1) * side * side)]))
    }
    let path = try folder.file(name)
    try SampleArchive.write(images, labels: (0..<count).map { hasLabels ? $0 % 3 : nil }, to: path)
    return path
  }

  func request(_ samples: String, _ reference: String, _ change: (inout EvaluationRequest) -> Void = { _ in }) -> EvaluationRequest {
    var request = EvaluationRequest(samples: samples, reference: reference)
    change(&request)
    return request
  }

  func judged(_ request: EvaluationRequest) throws -> EvaluationReport {
    let job = try EvaluationJob(EvaluationPlan(request))
    while try job.next() != nil {}
    return try job.report()
  }
}
