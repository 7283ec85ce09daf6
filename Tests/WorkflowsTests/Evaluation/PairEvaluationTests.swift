import Failures
import Foundation
import Imaging
import Testing

@testable import Workflows

@Suite("Judging pairs") struct PairEvaluationTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A picture with some structure, brightened by a number of levels.
  private func write(_ name: String, brighter: Int = 0, width: Int = 16, border: Int = 0) throws {
    var image = Image(width: width, height: 12, color: [0, 0, 0])
    for row in 0..<12 {
      for column in 0..<width {
        let isBorder = min(row, column, 11 - row, width - 1 - column) < border
        for c in 0..<3 { image[row, column, c] = isBorder ? 255 : UInt8(40 + row * 3 + column * (c + 1) + brighter) }
      }
    }
    try image.write(to: folder.file(name))
  }

  private func judged(_ change: (inout PairEvaluation.Request) -> Void = { _ in }) throws -> PairReport {
    var request = PairEvaluation.Request(pictures: folder.path + "/a", originals: folder.path + "/b")
    change(&request)
    let evaluation = try PairEvaluation(request)
    while try evaluation.next() != nil {}
    return try evaluation.report()
  }

  @Test func picturesAreMatchedByNameAndJudgedOneByOneAndInTheMean() throws {
    try write("a/one.png", brighter: 5)
    try write("a/deep/two.png", brighter: 10)
    try write("a/same.png")
    for name in ["one", "deep/two", "same", "alone"] { try write("b/\(name).webp.png") }
    for name in ["one", "deep/two", "same", "alone"] {
      try FileManager.default.moveItem(atPath: "\(folder.path)/b/\(name).webp.png", toPath: "\(folder.path)/b/\(name).png")
    }
    let report = try judged { $0.channel = .rgb }
    #expect(report.rows.map(\.name) == ["deep/two", "one", "same"])
    // A difference of d levels everywhere is 20 log10(255 / d).
    let want = [20 * log10(25.5), 20 * log10(51)]
    for (row, value) in zip(report.rows, want) { #expect(abs(row.psnr! - value) < 1e-9 && row.ssim! < 1 && row.msSsim == nil) }
    #expect(report.rows[2].psnr == nil && abs(report.rows[2].ssim! - 1) < 1e-12 && report.equal == 1)
    #expect(abs(report.mean.psnr! - (want[0] + want[1]) / 2) < 1e-9)
    #expect(report.withoutPicture == ["\(folder.path)/b/alone.png"] && report.withoutOriginal.isEmpty && report.failures.isEmpty)
    // Luma spreads 255 levels of grey over 219.
    let luma = try judged()
    #expect(abs(luma.rows[1].psnr! - 20 * log10(255 / (5 * 218.982 / 255))) < 0.01)
  }

  @Test func theBorderIsLeftOut() throws {
    try write("a/x.png", border: 2)
    try write("b/x.png")
    #expect(try judged { $0.crop = 2 }.rows[0].psnr == nil)
    #expect(try judged { $0.crop = 1 }.rows[0].psnr! < 20)
  }

  @Test func twoFilesAreAPairWhateverTheirNames() throws {
    try write("x.png", brighter: 1)
    try write("y.png")
    let report = try judged { ($0.pictures, $0.originals) = (folder.path + "/x.png", folder.path + "/y.png") }
    #expect(report.rows.count == 1 && report.rows[0].name == "x.png")
  }

  @Test func pairsThatCannotBeComparedAreReportedAndTheOthersJudged() throws {
    for name in ["a/1.png", "b/1.png", "a/2.png", "b/3.png", "a/4.png"] { try write(name) }
    try write("a/3.png", width: 20)
    try write("a/5.png")
    _ = try folder.write("no picture", to: "b/5.png")
    try write("b/4.png")
    let report = try judged()
    #expect(report.rows.map(\.name) == ["1", "4"] && report.withoutOriginal == ["\(folder.path)/a/2.png"])
    #expect(report.failures.count == 2 && report.failures[0].problem.contains("20 x 12 pixels, and its original"))
    #expect(refusal { try judged { $0.crop = 6 } }?.description.contains("nothing is left of 16 x 12 pixels") == true)
  }

  @Test func whatHasNoPairsIsRefused() throws {
    try write("a/x.png")
    try write("b/y.png")
    #expect(refusal { try judged() }?.failure == .data)
    #expect(refusal { try judged { $0.originals = folder.path + "/b/y.png" } }?.failure == .usage)
    #expect(refusal { try judged { $0.originals = folder.path + "/none" } }?.failure == .missing)
    #expect(refusal { try judged { $0.crop = -1 } }?.failure == .usage)
    try write("b/x.png")
    try write("b/x.jpg")
    #expect(refusal { try judged() }?.description.contains("have one name") == true)
  }
}
