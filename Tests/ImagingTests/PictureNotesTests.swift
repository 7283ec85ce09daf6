import Foundation
import Testing

@testable import Imaging

@Suite("Notes in PNG files") struct PictureNotesTests {
  private let image = Image(width: 3, height: 2, channels: 1, bytes: [1, 2, 3, 4, 5, 6])

  private func roundTrip(_ notes: PictureNotes, as format: ImageFormat = .png) throws -> PictureNotes {
    let file = NSTemporaryDirectory() + "notes-\(UUID().uuidString).png"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try image.write(to: file, as: format, notes: notes)
    return try PictureNotes(ofFile: file)
  }

  @Test(arguments: ["plain", "two\nlines", #"back\slash and \u0041"#, "é, Москва, 🙂", ""])
  func anyTextComesBackAsItWas(text: String) throws {
    let notes: PictureNotes = ["Software": "Sfumato", "sfumato.test": text]
    #expect(try roundTrip(notes) == notes)
  }

  @Test func standInTheFileUnderTheirKeys() throws {
    let bytes = try image.encoded(notes: ["Comment": "é"])
    // libvips compresses them.
    #expect(bytes.indices.contains { bytes[$0...].starts(with: Array("zTXtComment\0".utf8)) })
  }

  @Test func areWrittenInASCII() {
    #expect(PictureNotes.escaped(#"a é \ 🙂"#) == #"a \u00e9 \\ \ud83d\ude42"#)
    #expect(PictureNotes.unescaped(#"a \u00e9 \\ \ud83d\ude42 \u00"#) == #"a é \ 🙂 \u00"#)
  }

  @Test func changeNoPixel() throws {
    #expect(try Image(decoding: image.encoded(notes: ["Comment": "x"])) == image)
  }

  @Test func areLeftOutOfOtherFormats() throws {
    #expect(try roundTrip(["Comment": "x"], as: .webpLossless).isEmpty)
    #expect(try image.encoded(as: .gif, notes: ["Comment": "x"]) == image.encoded(as: .gif))
  }

  @Test func aFileThatIsNotAPictureIsRefused() throws {
    let file = NSTemporaryDirectory() + "notes-\(UUID().uuidString).txt"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try Data("words".utf8).write(to: URL(fileURLWithPath: file))
    #expect(throws: ImagingError(file: file, .notAPicture(.text("'words'")))) { try PictureNotes(ofFile: file) }
  }
}
