import Checkpoints
import Diffusion
import Failures
import Foundation
import Imaging
import Tensors
import Testing

@testable import Workflows

@Suite("Inverting pictures") struct InversionJobTests {
  let shop: EditingShop

  init() throws { shop = try EditingShop() }

  @Test func samplingFromTheLatentsGivesThePicturesBack() throws {
    let pictures = try (0..<3).map { try shop.picture("p\($0).png", seed: UInt64($0)) }
    let report = try shop.invert(pictures) { ($0.classes, $0.settings.batchSize) = (["3", "5"], 2) }
    #expect(report.rows.map(\.picture) == pictures && report.rows.map(\.class) == ["3", "5", "3"])
    let latents = try NPY.read(shop.folder.path + "/latents.npz")
    #expect(latents.shape == [3, 1, 8, 8] && latents.dtype == .float32)
    var request = SamplingRequest(model: shop.model)
    (request.count, request.classes, request.start) = (3, .only(["3", "5"]), .array(file: shop.folder.path + "/latents.npz"))
    (request.sampler, request.steps, request.spacing, request.guidanceScale) = (DDIM(), 20, .trailing, 1)
    request.settings = ["sampling.clip=false"]
    let back = try SamplingJob(request).finish()
    for (row, (picture, image)) in zip(report.rows, zip(pictures, back)) {
      #expect(EditingShop.difference(try Image(file: picture), image) == row.largestError)
      #expect(row.largestError <= EditingShop.bound && row.psnr! > 20, "\(row)")
    }
  }

  @Test func correctionsBringPicturesBackMoreExactly() throws {
    let picture = try shop.picture("p.png", seed: 4)
    let errors = try [0, 4].map { corrections in try shop.invert([picture]) { $0.settings.corrections = corrections }.rows[0].psnr! }
    #expect(errors[1] > errors[0], "\(errors)")
  }

  @Test func aPictureThatCannotBeReadIsReportedAndTheOthersKeepTheirClasses() throws {
    let broken = try shop.folder.write("text", to: "b.png")
    let pictures = [broken, try shop.picture("p.png", seed: 1)]
    let report = try shop.invert(pictures) { ($0.classes, $0.reconstruction) = (["3", "5"], shop.folder.path + "/r.png") }
    #expect(report.failures.map(\.file) == [broken] && report.rows.map(\.class) == ["5"])
    let alone = try shop.invert([pictures[1]]) { $0.classes = ["5"] }.rows
    // Batches of two and of one may round differently.
    #expect(abs(report.rows[0].latentMean - alone[0].latentMean) < 1e-5 && abs(report.rows[0].psnr! - alone[0].psnr!) < 0.01)
    #expect(try Image(file: shop.folder.path + "/r.png").height > 160)
    let none = refusal { try shop.invert([broken]) }
    #expect(none?.failure == .data && none?.description.contains("none of the pictures could be read") == true)
  }

  @Test func largerPicturesAreFittedToTheModel() throws {
    let report = try shop.invert([try shop.picture("large.png", seed: 1, side: 20)])
    #expect(report.rows.count == 1 && report.rows[0].latentDeviation.isFinite)
  }

  @Test func badRequestsAreRefusedBeforeAnythingIsComputed() throws {
    let picture = try shop.picture("p.png", seed: 1)
    func problem(_ change: (inout InversionRequest) -> Void) -> SfumatoError? { refusal { try shop.invert([picture], change) } }
    #expect(problem { $0.settings.steps = 1 }?.description.contains("2 steps or more") == true)
    #expect(problem { $0.settings.corrections = 21 }?.description.contains("0 to 20") == true)
    #expect(problem { $0.classes = ["x"] }?.description.contains("there is no class 'x'") == true)
    #expect(problem { $0.latents = picture }?.description.contains("would be overwritten") == true)
    #expect(problem { $0.latents = shop.folder.path + "/no/x.npz" }?.failure == .io)
    #expect(problem { $0.reconstruction = "r.bmp" }?.failure == .usage)
    #expect(problem { $0.pictures = ["nowhere.png"] }?.failure == .missing)
    #expect(problem { $0.settings.steps = 5000 }?.failure == .usage)
  }
}
