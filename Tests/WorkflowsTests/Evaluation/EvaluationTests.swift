import Checkpoints
import Failures
import Foundation
import Imaging
import Metrics
import Models
import Tensors
import Testing

@testable import Workflows

@Suite("Judging sets") struct EvaluationTests {
  let shop: EvaluationShop
  let real: String

  init() throws {
    shop = try EvaluationShop()
    real = try shop.set("real.npz", count: 80, seed: 1)
  }

  @Test func samplesLikeRealOnesAreJudgedLikeThemAndOthersAreNot() throws {
    let good = try shop.judged(shop.request(shop.set("good.npz", count: 40, seed: 2), real))
    let dark = try shop.judged(shop.request(shop.set("dark.npz", count: 40, seed: 2, level: 60), real))
    let distances = try [good, dark].map { try #require($0["frechet_distance"]) }
    #expect(distances[0].real == distances[1].real)
    #expect(distances[0].samples < 1.5 * distances[0].real! && distances[1].samples > 10 * distances[1].real!)
    #expect(good["precision"]!.samples > 0.5 && dark["precision"]!.samples == 0 && dark["coverage"]!.samples == 0)
    #expect(dark["kernel_distance"]!.samples > 10 * abs(dark["kernel_distance"]!.real!))
    #expect(good.figures.map(\.name) == ["frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"])
    #expect(good.count == 40 && good.referenceCount == 40 && good.realCount == 40 && good.featureCount == 25)
    #expect(good.warnings.contains { $0.contains("too few to compare with published figures") })
  }

  @Test func theFrechetDistanceIsThatOfThePixelsOfTheReferencesFirstHalf() throws {
    // Batches do not show but in the order of sums; seeds choose other halves.
    let path = try shop.set("all.npz", count: 40, seed: 9)
    let report = try shop.judged(shop.request(path, real) { $0.batch = 7 })
    let again = try shop.judged(shop.request(path, real) { $0.batch = 64 })
    for (a, b) in zip(report.figures, again.figures) { #expect(abs(a.samples - b.samples) < 1e-9 && abs(a.real! - b.real!) < 1e-9) }
    let other = try shop.judged(shop.request(path, real) { $0.seed = 3 })
    #expect(other["frechet_distance"]!.samples != report["frechet_distance"]!.samples)
    var own = FeatureMoments()
    own.add(try NPY.read(path, array: "arr_0").to(.float32).reshape(40, 25) / 255)
    #expect(report.statistics.digest != other.statistics.digest)
    let plan = try EvaluationPlan(shop.request(path, real)), sets = try plan.real()
    for set in sets { while !set.isDone { try set.next(16, plan.extractor) } }
    let want = try own.statistics().frechetDistance(to: sets[0].moments.statistics())
    #expect(abs(report["frechet_distance"]!.samples - want) < 1e-9)
    // Disjoint: together they are the whole.
    var whole = FeatureMoments()
    whole.add(try NPY.read(real, array: "arr_0").to(.float32).reshape(80, 25) / 255)
    let mean = try (sets[0].moments.statistics().mean + sets[1].moments.statistics().mean) / 2
    #expect(try (mean - whole.statistics().mean).abs().max().item() < 1e-9)
  }

  @Test func statisticsAreWrittenOnceAndReusedAlsoAsTheReferenceItself() throws {
    let samples = try shop.set("s.npz", count: 20, seed: 4), file = try shop.folder.file("real-stats.npz")
    let first = try shop.judged(shop.request(samples, real) { $0.statistics = file })
    #expect(first.statistics.count == 80 && first.statistics.file == file)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    let second = try shop.judged(shop.request(samples, real) { $0.statistics = file })
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    #expect(first.figures == second.figures && first.statistics == second.statistics)
    let alone = try shop.judged(shop.request(samples, file))
    #expect(alone.figures.map(\.name) == ["frechet_distance"] && alone.figures[0].real == nil)
    #expect(alone.figures[0].samples == first["frechet_distance"]!.samples && alone.referenceCount == nil)
    // As numpy's users write them: without the rest.
    let plain = try shop.folder.file("plain.npz")
    try NPY.write(
      [
        ("mu", NPY.encode(Tensor.zeros([25], dtype: .float64).bytes(), shape: [25], dtype: .float64)),
        ("sigma", NPY.encode(Tensor.zeros([25, 25], dtype: .float64).bytes(), shape: [25, 25], dtype: .float64)),
      ], to: plain)
    #expect(try shop.judged(shop.request(samples, plain)).statistics.count == nil)
  }

  @Test func statisticsOfOtherFeaturesAndOtherShapesAreRefused() throws {
    let samples = try shop.set("s.npz", count: 20, seed: 4), file = try shop.folder.file("stats.npz")
    _ = try shop.judged(shop.request(samples, real) { $0.statistics = file })
    let other = refusal { try EvaluationPlan(shop.request(samples, real) { ($0.statistics, $0.size) = (file, 8) }) }
    #expect(other?.failure == .data && other?.description.contains("pixels 5 x 5 x 1; expected pixels 8 x 8 x 1") == true)
    let wrong = try shop.folder.file("wrong.npz")
    try NPY.write(
      [
        ("mu", NPY.encode([UInt8](repeating: 0, count: 16), shape: [2], dtype: .float64)),
        ("sigma", NPY.encode([UInt8](repeating: 0, count: 24), shape: [3], dtype: .float64)),
      ], to: wrong)
    #expect(refusal { try EvaluationPlan(shop.request(samples, wrong)) }?.failure == .data)
    #expect(refusal { try EvaluationPlan(shop.request(samples, file) { $0.statistics = "x.npz" }) }?.failure == .usage)
  }

  @Test func aClassifierGivesFeaturesProbabilitiesAndAccuracy() throws {
    let classifier = try Tiny.classifier(), model = try shop.folder.file("classifier.safetensors")
    try Tiny.write(classifier, to: model)
    let samples = try shop.set("s.npz", count: 30, seed: 5, side: 8), reference = try shop.set("r.npz", count: 60, seed: 6, side: 8)
    let report = try shop.judged(shop.request(samples, reference) { $0.features = model })
    #expect(report.featureCount == 32 && report.features == model)
    let images = try NPY.read(samples, array: "arr_0").to(.float32).reshape(30, 1, 8, 8) / 127.5 - 1
    let guesses = try classifier.logProbabilities(ofClean: images).argmax(1).ints()
    let want = Double(guesses.enumerated().count { $0.offset % 3 == $0.element }) / 30
    #expect(report["class_accuracy"]?.samples == want && report["class_accuracy"]?.real != nil)
    var score = InceptionScore()
    try score.add(classifier.logProbabilities(ofClean: images).exp())
    // Probabilities in float32, in batches of other sizes.
    #expect(abs(report["inception_score"]!.samples - (try score.score())) < 1e-5)
    let unlabelled = try shop.set("u.npz", count: 30, seed: 5, side: 8, hasLabels: false)
    let blind = try shop.judged(shop.request(unlabelled, reference) { $0.features = model })
    #expect(blind["class_accuracy"] == nil && blind["inception_score"] != nil)
    #expect(refusal { try EvaluationPlan(shop.request(samples, reference) { ($0.features, $0.size) = (model, 8) }) }?.failure == .usage)
  }

  @Test func classesCorrespondByNameOrElseByPlace() {
    #expect(EvaluatedSet.correspondence(["b", "a"], ["a", "b", "c"]) == [1, 0])
    #expect(EvaluatedSet.correspondence(["x", "y", "z"], ["a", "b", "c"]) == [0, 1, 2])
    #expect(EvaluatedSet.correspondence(["x", "y"], ["a", "b", "c"]) == nil)
    #expect(EvaluatedSet.correspondence([], ["a"]) == nil)
  }

  @Test func picturesThatCannotBeReadAreReportedAndLeftOut() throws {
    for index in 0..<24 {
      try Image(width: 5, height: 5, color: [UInt8(index * 9)]).write(to: shop.folder.file("folder/\(index).png"))
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: shop.folder.path + "/folder/7.png"))
    _ = try shop.folder.write(Array(whole.prefix(60)), to: "folder/8.png")
    let report = try shop.judged(shop.request(shop.folder.path + "/folder", real))
    #expect(report.count == 23 && report.unreadable.count == 1 && report.unreadable[0].reason.contains("8.png"))
  }

  @Test func whatCannotBeJudgedIsRefusedBeforeAnythingIsRead() throws {
    let few = try shop.set("few.npz", count: 9, seed: 1), large = try shop.set("large.npz", count: 20, seed: 1, side: 65)
    #expect(refusal { try EvaluationPlan(shop.request(few, real)) }?.failure == .data)
    #expect(refusal { try EvaluationPlan(shop.request(real, real) { $0.count = 41 }) }?.description.contains("at most 40") == true)
    #expect(refusal { try EvaluationPlan(shop.request(real, real) { $0.count = 3 }) }?.failure == .usage)
    #expect(refusal { try EvaluationPlan(shop.request(large, real)) }?.description.contains("--size 32") == true)
    #expect(refusal { try EvaluationPlan(shop.request(real, real) { $0.size = 0 }) }?.failure == .usage)
    let missing = #expect(throws: (any Error).self) { try EvaluationPlan(shop.request(real, "\(shop.folder.path)/none")) }
    #expect(missing.map { Failure(of: $0) } == .missing)
    #expect(refusal { try EvaluationPlan(shop.request(real, real) { $0.statistics = "\(shop.folder.path)/no/x.npz" }) }?.failure == .io)
  }
}
