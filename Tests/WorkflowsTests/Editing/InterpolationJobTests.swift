import Diffusion
import Failures
import Imaging
import Tensors
import Testing

@testable import Workflows

@Suite("Interpolating") struct InterpolationJobTests {
  let shop: EditingShop
  let pictures: [String]

  init() throws {
    shop = try EditingShop()
    pictures = [try shop.picture("a.png", seed: 1), try shop.picture("b.png", seed: 9)]
  }

  @Test func theEndsAreThePicturesAndWhatIsBetweenIsNot() throws {
    let job = try shop.interpolate(.picture(pictures[0]), .picture(pictures[1])) { $0.settings.batchSize = 2 }
    let ends = try pictures.map { try Image(file: $0) }
    // The bound of the inversion: see `InversionJobTests`.
    #expect(
      EditingShop.difference(job.images[0], ends[0]) <= EditingShop.bound
        && EditingShop.difference(job.images[4], ends[1]) <= EditingShop.bound)
    for end in ends { #expect(EditingShop.difference(job.images[2], end) > 12) }
    #expect(job.files == [shop.folder.path + "/sheet.png"])
  }

  @Test func seedsAreThoseOfSampling() throws {
    let job = try shop.interpolate(.seed(7), .seed(8)) { ($0.classes, $0.frames) = (["3"], 2) }
    for (seed, image) in zip([7, 8], job.images) {
      var request = SamplingRequest(model: shop.model)
      (request.count, request.seed, request.classes) = (1, UInt64(seed), .only(["3"]))
      (request.sampler, request.steps, request.spacing, request.guidanceScale) = (DDIM(), 20, .trailing, 1)
      request.settings = ["sampling.clip=false"]
      // Batches of other sizes differ by the order of sums.
      #expect(EditingShop.difference(try SamplingJob(request).finish()[0], image) <= 1)
    }
  }

  @Test func betweenClassesTheEndsAreThoseOfEitherClassAlone() throws {
    let both = try shop.interpolate(.seed(7), .seed(7)) { $0.classes = ["3", "8"] }.images
    let alone = try ["3", "8"].map { name in try shop.interpolate(.seed(7), .seed(7)) { $0.classes = [name] }.images }
    #expect(EditingShop.difference(both[0], alone[0][0]) <= 1 && EditingShop.difference(both[4], alone[1][4]) <= 1)
    #expect(EditingShop.difference(both[0], both[4]) > 5)
    let distances = both.map { EditingShop.difference($0, both[0]) }
    #expect(distances == distances.sorted(), "\(distances)")
  }

  @Test func theAnimationGoesThereAndBack() throws {
    let file = shop.folder.path + "/x.webp"
    let job = try shop.interpolate(.seed(1), .seed(2)) { ($0.animation, $0.delay, $0.hold) = (file, 50, 700) }
    let animation = try Animation(file: file)
    #expect(animation.frames.count == 8 && animation.delays == [700, 50, 50, 50, 700, 50, 50, 50])
    #expect(job.files.last == file)
  }

  @Test func badRequestsAreRefusedBeforeAnythingIsComputed() throws {
    func problem(_ change: (inout InterpolationRequest) -> Void) -> SfumatoError? {
      refusal { try shop.interpolate(.picture(pictures[0]), .seed(1), change) }
    }
    #expect(problem { $0.frames = 1 }?.failure == .usage)
    #expect(problem { $0.frames = 1001 }?.description.contains("2 to 1000") == true)
    #expect(problem { $0.classes = ["1", "2", "3"] }?.description.contains("one for each end") == true)
    #expect(problem { $0.from = .picture("nowhere.png") }?.failure == .missing)
    #expect(problem { $0.from = .picture(shop.folder.path) }?.description.contains("is a folder") == true)
    #expect(problem { $0.animation = shop.folder.path + "/x.png" }?.description.contains("no animation") == true)
    #expect(problem { $0.hold = 0 }?.failure == .usage)
    #expect(problem { $0.sheet = pictures[0] }?.description.contains("overwritten") == true)
    #expect(refusal { try InterpolationRequest.End("seed:-1") }?.failure == .usage)
    #expect(try InterpolationRequest.End("seed:18446744073709551615") == .seed(.max))
  }
}
