import Failures
import Foundation
import Imaging
import Testing

@testable import Workflows

@Suite("Restoring files") struct RestorationJobTests {
  let shop: RestorationShop

  init() throws { shop = try RestorationShop() }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(shop.path)/\(name)")) }

  @Test func aBrokenPictureIsReportedAndTheOthersAreRestored() throws {
    for name in ["in/a.png", "in/c/d.webp"] { _ = try shop.put(RestorationShop.picture(20, 10), at: name) }
    _ = try shop.folder.write("nothing", to: "in/b.png")
    // Damage behind the header is seen when the picture is decoded.
    var damaged = try RestorationShop.picture(64, 64).encoded(as: .png)
    for index in 200..<400 { damaged[index] = 0 }
    _ = try shop.folder.write(damaged, to: "in/c/e.png")
    let job = try shop.job(["\(shop.path)/in"], to: "out") { $0.recursive = true }
    var last = 0.0
    while let share = try job.next() {
      #expect(share >= last && share <= 1)
      last = share
    }
    #expect(last == 1)
    #expect(job.written == ["out/a.png", "out/c/d.webp"].map { "\(shop.path)/\($0)" })
    #expect(job.failures.map(\.file) == ["in/b.png", "in/c/e.png"].map { "\(shop.path)/\($0)" })
    #expect(shop.names("out") == ["a.png", "c"] && shop.names("out/c") == ["d.webp"])
  }

  @Test func aFinishedResultIsSkippedAndAnyOtherFileIsRefused() throws {
    let source = try shop.put(RestorationShop.picture(20, 10), at: "a.png")
    for name in ["b.png", "b.jpg", "b.webp", "b.tif"] {
      try shop.run([source], to: name)
      let before = try bytes(name)
      let again = try shop.run([source], to: name)
      #expect(again.written.isEmpty && again.outcomes.map(\.skipped) == [true], "\(name)")
      let other = refusal { try shop.job([source], to: name) { $0.scale = 2 } }
      #expect(other?.failure == .usage && other?.description.contains("set --overwrite") == true, "\(name)")
      #expect(try bytes(name) == before)
    }
    // Another picture under the same name.
    _ = try shop.put(RestorationShop.picture(21, 10), at: "a.png")
    #expect(refusal { try shop.job([source], to: "b.png") } != nil)
    #expect(try shop.run([source], to: "b.png") { $0.overwrite = true }.written.count == 1)
    #expect(try PictureReader(file: "\(shop.path)/b.png").width == 21)
    // A file of somebody else.
    _ = try shop.folder.write("mine", to: "mine.png")
    #expect(refusal { try shop.job([source], to: "mine.png") } != nil)
    #expect(try bytes("mine.png") == Data("mine".utf8))
  }

  @Test(arguments: [false, true]) func stoppedWorkContinuesToTheSameBytesAndLeavesNothing(named: Bool) throws {
    var picture = RestorationShop.picture(40, 30, channels: 4)
    picture[3, 3, 3] = 0
    let source = try shop.put(picture, at: "a.png")
    func change(_ request: inout RestorationRequest) {
      request.scale = 3
      if named { request.scratch = "\(shop.path)/unfinished" }
    }
    try shop.run([source], to: "whole.png") { $0.scale = 3 }
    var stops = 0, isDone = false
    while !isDone {
      stops += 1
      // From the start each time, one step further.
      let job = try shop.job([source], to: "c.png", change)
      isDone = true
      for _ in 0..<stops where try job.next() != nil { isDone = false }
      if job.written.count == 1 { isDone = true }
      if !isDone { #expect(named ? !shop.names("unfinished").isEmpty : shop.names().contains { $0.hasPrefix(".sfumato-restore-") }) }
      try #require(stops < 200)
    }
    #expect(stops > 5)
    #expect(try bytes("c.png") == bytes("whole.png"))
    #expect(shop.names("unfinished").isEmpty && shop.names().allSatisfy { !$0.hasPrefix(".") })
  }

  @Test func anUnwritableResultEndsTheWork() throws {
    let sources = try ["a", "b"].map { try shop.put(RestorationShop.picture(4, 4), at: "\($0).png") }
    let job = try shop.job(sources, to: "out") { $0.scratch = "\(shop.path)/unfinished" }
    _ = try shop.folder.write("in the way", to: "out")
    let error = #expect(throws: ImagingError.self) { while try job.next() != nil {} }
    #expect(error.map(Failure.init(of:)) == .io && job.failures == [])
  }

  @Test func theInputIsExplainedByAResultThatIsItself() throws {
    let source = try shop.put(RestorationShop.picture(30, 20), at: "a.png")
    #expect(try shop.run([source], to: "b.png").outcomes[0].inputExplained == 0)
    let larger = try #require(try shop.run([source], to: "c.png") { $0.scale = 2 }.outcomes[0].inputExplained)
    #expect(larger > 0 && larger < 60)
  }

  // MARK: Reports

  @Test func aReportHoldsFiguresOrDetails() throws {
    let source = try shop.put(RestorationShop.picture(400, 300), at: "a.jpg"), broken = try shop.folder.write("x", to: "<b>.png")
    let json = "\(shop.path)/report.json", page = "\(shop.path)/report.html"
    let job = try shop.run([source, broken], to: "out", report: json)
    #expect(try job.writeReport() == json)
    let content = try #require(JSONSerialization.jsonObject(with: bytes("report.json")) as? [String: Any])
    let picture = try #require((content["pictures"] as? [[String: Any]])?.first)
    #expect(picture["output"] as? String == "\(shop.path)/out/a.jpg" && picture["input_explained"] as? Double != nil)
    #expect((picture["strengths"] as? [String: Double])?["jpeg"] ?? 0 > 0 && (content["failures"] as? [Any])?.count == 1)
    _ = try shop.run([source, broken], to: "again", report: page).writeReport()
    let html = String(decoding: try bytes("report.html"), as: UTF8.self)
    #expect(html.components(separatedBy: "src=\"data:image/jpeg;base64,").count == 3 && html.contains("type=\"range\""))
    #expect(html.contains("&lt;b&gt;.png") && !html.contains("<b>.png") && !html.contains("http"))
    let sheet = "\(shop.path)/sheet.png"
    #expect(try shop.run([source, broken], to: "third", report: sheet).writeReport() == sheet)
    let drawn = try Image(file: sheet)
    #expect(drawn.width > 2 * 320 && drawn.height > 300)
    for name in ["report.txt", "out/a.jpg"] {
      #expect(
        refusal { try shop.job([source], to: "out/a.jpg", report: "\(shop.path)/\(name)") { $0.overwrite = true } }?.failure == .usage)
    }
  }

  @Test func aSweepShowsEveryStrengthOfEveryCorruption() throws {
    let source = try shop.put(RestorationShop.picture(300, 250), at: "a.png"), sheet = "\(shop.path)/sheet.png"
    func sweep(_ file: String, _ picture: String) throws -> StrengthSweep {
      try StrengthSweep(file, of: picture, RestorationRequest(output: "x"), model: shop.model, settings: RestorationShop.settings)
    }
    let sweep1 = try sweep(sheet, source)
    var last = 0.0
    while let share = try sweep1.next() { last = share }
    #expect(last == 1)
    try sweep1.write()
    let drawn = try Image(file: sheet)
    // Five columns of 192 pixels and the names of three rows.
    #expect(drawn.width > 5 * 192 && drawn.height > 3 * 192 && drawn.height < 4 * 192)
    let middle = RestorationShop.picture(300, 250).cropped(row: 29, column: 54, width: 192, height: 192)
    let corner = drawn.cropped(row: drawn.height - 194, column: drawn.width - 194, width: 192, height: 192)
    #expect(corner == middle)
    #expect(refusal { try sweep(source, source) }?.failure == .usage && refusal { try sweep(sheet, shop.path) }?.failure == .usage)
    #expect(refusal { try sweep("\(shop.path)/sheet.bmp", source) }?.failure == .usage)
  }
}
