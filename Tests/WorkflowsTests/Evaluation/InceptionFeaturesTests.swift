import Checkpoints
import Failures
import Foundation
import Imaging
import Metrics
import Networks
import Tensors
import TestSupport
import Testing

@testable import Workflows

@Suite("Judging sets by InceptionV3") struct InceptionFeaturesTests {
  let shop: EvaluationShop
  let samples: String, real: String, network: String

  init() throws {
    shop = try EvaluationShop()
    (samples, real) = (try shop.set("s.npz", count: 12, seed: 2), try shop.set("r.npz", count: 24, seed: 1))
    network = try shop.folder.file("inception.safetensors")
    try Safetensors.write(Tiny.inception(), metadata: [:], to: network)
  }

  private func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double { try (a - b).norm().item() / b.norm().item() }

  private func features(_ images: [Image], _ resizing: PictureResizing? = nil) throws -> Tensor {
    let state = try #require(try InceptionFeatures.state(of: network))
    let extractor = try InceptionFeatures(state, of: network, resizing: resizing, size: nil, on: .cpu)
    return try extractor(images).features
  }

  @Test func givesFeaturesAndAScoreOfTenSplits() throws {
    let report = try shop.judged(shop.request(samples, real) { $0.features = network })
    #expect(report.featureCount == 128 && report.features == network && report.resizing == .pytorchFID && report.height == 299)
    #expect(report["class_accuracy"] == nil && report["coverage"] != nil && report["kernel_distance"] != nil)
    let score = try #require(report["inception_score"])
    #expect(score.samplesDeviation != nil && score.samples >= 1)
    // Twelve of 128 numbers.
    #expect(report.warnings.contains { $0.contains("the covariance is singular") })
    let dark = try shop.set("dark.npz", count: 12, seed: 2, level: 40)
    let darker = try shop.judged(shop.request(dark, real) { $0.features = network })
    #expect(darker["frechet_distance"]!.samples > 1.5 * report["frechet_distance"]!.samples)
  }

  @Test func resizesAsPytorchFIDByDefaultAndAsCleanFIDOnRequest() throws {
    let network = try InceptionV3(Tiny.inception(), on: .cpu, name: "tiny")
    let image = Image(width: 320, height: 310, channels: 3, bytes: (0..<(320 * 310 * 3)).map { UInt8($0 * 7919 % 253) })
    let pixels = Tensor(image.bytes, [1, 310, 320, 3]).to(.float32).permute(0, 3, 1, 2)
    let bilinear = (pixels / 255).interpolate(height: 299, width: 299, .bilinear) * 2 - 1
    let cubic = try Tensor(image.resizedFloats(width: 299, height: 299), [1, 299, 299, 3]).permute(0, 3, 1, 2)
    let want = withoutGradient { [network(bilinear), network((cubic - 128) / 128)].map(\.features) }
    // The same numbers in another layout of memory.
    #expect(try relativeError(features([image]), want[0]) < 1e-5)
    #expect(try relativeError(features([image], .cleanFID), want[1]) < 1e-5)
    #expect(try relativeError(want[0], want[1]) > 1e-3)
  }

  @Test func picturesOfDifferentSizesAreEachResizedFromTheirOwn() throws {
    let images = try [5, 40, 7].map { side in
      try Image(width: side, height: side + 2, channels: 3, bytes: (0..<(side * (side + 2) * 3)).map { UInt8($0 * 97 % 251) })
        .resized(width: side, height: side + 2)
    }
    let together = try features(images)
    for (index, image) in images.enumerated() { #expect(try relativeError(together.image(index), features([image])) < 1e-5) }
    for index in 0..<12 { try images[index % 3].write(to: shop.folder.file("folder/\(index).png")) }
    let report = try shop.judged(shop.request(shop.folder.path + "/folder", real) { ($0.features, $0.count) = (network, 12) })
    #expect(report.count == 12)
    let large = try shop.set("large.npz", count: 24, seed: 3, side: 9)
    let plan = try EvaluationPlan(shop.request(samples, large) { $0.features = network })
    #expect(plan.warnings.contains { $0.contains("compare in one size by --size 5") })
    let fitted = try EvaluationPlan(shop.request(samples, large) { ($0.features, $0.size) = (network, 5) })
    #expect(fitted.warnings.contains { $0.contains("were fitted to 5 x 5") } && fitted.extractor.fitted?.height == 5)
  }

  @Test func statisticsAreOfOneWayToResize() throws {
    let file = try shop.folder.file("stats.npz")
    let first = try shop.judged(shop.request(samples, real) { ($0.features, $0.statistics) = (network, file) })
    #expect(try NPY.read(file, array: "mu").shape == [128] && NPY.read(file, array: "sigma").shape == [128, 128])
    let alone = try shop.judged(shop.request(samples, file) { $0.features = network })
    #expect(alone["frechet_distance"]?.samples == first["frechet_distance"]?.samples && alone["inception_score"] != nil)
    #expect(alone.statistics.digest == first.statistics.digest)
    let other = refusal { try EvaluationPlan(shop.request(samples, file) { ($0.features, $0.resizing) = (network, .cleanFID) }) }
    #expect(other?.failure == .data && other?.description.contains("pytorch-fid; expected inception") == true)
  }

  @Test func aWayToResizeGoesWithInceptionAlone() throws {
    let classifier = try shop.folder.file("classifier.safetensors")
    try Tiny.write(Tiny.classifier(), to: classifier)
    #expect(refusal { try EvaluationPlan(shop.request(samples, real) { $0.resizing = .cleanFID }) }?.failure == .usage)
    let request = shop.request(samples, real) { ($0.resizing, $0.features) = (.cleanFID, classifier) }
    #expect(refusal { try EvaluationPlan(request) }?.failure == .usage)
  }

  @Test func anotherInceptionIsRefusedAndAnotherFileIsNoInception() throws {
    var state = Tiny.inception()
    (state["fc.weight"], state["fc.bias"]) = (.zeros([1000, 128]), .zeros([1000]))
    let path = try shop.folder.file("torchvision.safetensors")
    try Safetensors.write(state, metadata: [:], to: path)
    #expect(refusal { try EvaluationPlan(shop.request(samples, real) { $0.features = path }) }?.description.contains("torchvision") == true)
    #expect(try InceptionFeatures.state(of: shop.folder.path) == nil && InceptionFeatures.state(of: "none") == nil)
    let text = try shop.folder.write("no tensors at all, but some text", to: "text.safetensors")
    #expect(try InceptionFeatures.state(of: text) == nil)
  }
}
