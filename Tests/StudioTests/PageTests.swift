import Foundation
import Testing

@testable import Studio

@Suite("Pages of the studio") struct PageTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources/Studio/Pages").path

  @Test func everyFileIsServedAsItIs() async throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted()
    #expect(PageFiles().names == names, "the list in EmbeddedPages.swift is not the folder's")
    try await StudioFixture.with { studio in
      for name in names {
        let file = FileManager.default.contents(atPath: "\(Self.folder)/\(name)")
        for path in ["/\(name)", "/assets/\(name)"] {
          let answer = StudioFixture.Answer(await studio.raw(studio.request("GET", path)))
          #expect(answer.status == 200 && answer.body == file, "\(path)")
          let again = StudioFixture.Answer(
            await studio.raw(studio.request("GET", path, headers: ["If-None-Match": answer.headers["etag"]])))
          #expect(again.status == 304 && again.body.isEmpty)
        }
      }
      #expect(await studio.get("/").headers["content-type"] == "text/html; charset=utf-8")
    }
  }

  /// What the policy of the pages would refuse.
  @Test func pagesHoldNothingInlineAndNothingFromElsewhere() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder) {
      let text = try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
      for pattern in ["innerHTML", "eval(", "new Function", "document.write", "onclick=", "javascript:"] {
        #expect(!text.contains(pattern), "\(name) has \(pattern)")
      }
      let addresses = text.matches(of: /https?:\/\/[^\s"'`<>)]+/).map { String($0.0) }.filter { !$0.hasPrefix("http://www.w3.org/") }
      #expect(addresses.isEmpty, "\(name) names \(addresses)")
    }
  }
}
