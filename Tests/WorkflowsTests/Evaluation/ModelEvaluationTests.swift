import Failures
import Foundation
import Imaging
import Tensors
import Testing

@testable import Workflows

@Suite("Judging a model") struct ModelEvaluationTests {
  let shop: EvaluationShop
  let model: String, real: String

  init() throws {
    shop = try EvaluationShop()
    model = try shop.folder.file("tiny.safetensors")
    try Tiny.write(Tiny.denoiser(), to: model)
    real = try shop.set("real.npz", count: 60, seed: 1, side: 8)
  }

  @Test func itsFiguresAreThoseOfItsSamples() throws {
    let report = try shop.judged(shop.request(model, real) { ($0.count, $0.batch, $0.seed, $0.size) = (20, 7, 3, 6) })
    var sampling = SamplingRequest(model: model)
    (sampling.count, sampling.seed) = (20, 3)
    let job = try SamplingJob(sampling), npz = try shop.folder.file("samples.npz")
    try SampleArchive.write(job.finish(), labels: job.plan.labels, to: npz)
    let stored = try shop.judged(shop.request(npz, real) { ($0.seed, $0.size) = (3, 6) })
    #expect(report.figures.map(\.name) == stored.figures.map(\.name) && report.count == 20)
    // Samples differ by the rounding of sums in batches, at times a level of 255.
    for (a, b) in zip(report.figures, stored.figures) {
      #expect(abs(a.samples - b.samples) <= 0.05 * abs(b.samples) + 0.01 && a.real == b.real)
    }
    #expect(report.sampling?.sampler == "dpmpp_2m" && report.sampling?.steps == 4 && report.sampling?.guidance == 2)
    #expect(stored.sampling == nil && report.sampling!.secondsPerImage! > 0)
  }

  @Test func aModelIsToldFromPictures() throws {
    #expect(JudgedSamples.isModel(model) && !JudgedSamples.isModel(real) && !JudgedSamples.isModel("glyphs"))
    #expect(!JudgedSamples.isModel(shop.folder.path) && !JudgedSamples.isModel("nowhere"))
    let statistics = try shop.folder.file("stats.npz")
    _ = try shop.judged(shop.request(model, real) { $0.statistics = statistics })
    // Of statistics alone there is no half to take.
    #expect(try EvaluationPlan(shop.request(model, statistics)).count == 1000)
    #expect(try EvaluationPlan(shop.request(model, real)).count == 30)
  }

  private func compare(_ samplers: [String], _ steps: [Int], plot: String? = nil, of samples: String? = nil) throws
    -> SamplerComparisonReport
  {
    var request = SamplerComparisonRequest(shop.request(samples ?? model, real) { $0.count = 20 })
    (request.samplers, request.steps, request.plot) = (samplers, steps, plot)
    let job = try SamplerComparisonJob(request)
    var shares: [Double] = []
    while let share = try job.next() { shares.append(share) }
    #expect(shares == shares.sorted() && shares.last == 1)
    return try job.report()
  }

  @Test func samplersAndStepsAreRowsOfWhichEachIsItsOwnEvaluation() throws {
    let files = try ["q.svg", "q.png"].map { try shop.folder.file($0) }
    let report = try compare(["ddim", "heun"], [3, 4], plot: files[0])
    #expect(report.rows.map(\.sampling.sampler) == ["ddim", "ddim", "heun", "heun"])
    #expect(report.rows.map(\.sampling.steps) == [3, 4, 3, 4] && report.plot == files[0])
    // Heun's method evaluates twice but in the first step, which leaves pure noise, and in the last, which ends at the image.
    #expect(report.rows.map(\.sampling.evaluations) == [3, 4, 4, 6])
    let alone = try shop.judged(
      shop.request(model, real) {
        $0.count = 20
        $0.sampling.settings = ["sampler.type=heun"]
        $0.sampling.steps = 4
      })
    #expect(report.rows[3].figures == alone.figures)
    #expect(Set(report.rows.map { $0.figures[0].samples }).count == 4 && Set(report.rows.map { $0.figures[0].real }).count == 1)
    let svg = try String(contentsOfFile: files[0], encoding: .utf8)
    #expect(svg.contains("ddim") && svg.contains("real pictures") && svg.contains("evaluations"))
    _ = try compare([], [2], plot: files[1])
    #expect(try Image(file: files[1]).width == 1280)
  }

  @Test func whatCannotBeComparedIsRefusedBeforeSampling() throws {
    #expect(refusal { try compare(["ddim"], [], of: real) }?.description.contains("is no model") == true)
    #expect(refusal { try compare(["ddimm"], []) }?.description.contains("did you mean 'ddim'?") == true)
    #expect(refusal { try compare([], [0]) }?.failure == .usage)
    #expect(refusal { try compare([], Array(1...201)) }?.description.contains("200 pairs") == true)
    #expect(refusal { try compare([], [2], plot: "x.pdf") }?.description.contains(".svg or .png") == true)
    #expect(refusal { try compare([], [2], plot: "\(shop.folder.path)/no/x.svg") }?.failure == .io)
  }
}
