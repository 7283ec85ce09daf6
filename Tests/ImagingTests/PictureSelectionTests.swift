import Foundation
import Imaging
import Testing

@Suite("What is a picture") struct PictureSelectionTests {
  @Test func theContentCountsUnderAnyName() throws {
    let folder = try Folder(), image = smooth(width: 8, height: 8, channels: 3)
    for name in ["photo", "photo.dat", "photo.JPG_large", "photo.txt"] {
      let file = try folder.write(image.encoded(as: .jpeg), to: name)
      #expect(PictureFormat(ofFile: file) == .jpeg && PictureFormat.isPicture(file: file), "\(name)")
    }
    #expect(PictureFormat(ofFile: try folder.write(Array("P5 1 1 255\n0".utf8), to: "face")) == .netpbm)
  }

  @Test func aDamagedFileThatIsNamedLikeAPictureIsReportedAndAnotherIsNot() throws {
    let folder = try Folder()
    for name in ["a.png", "a.JPEG", "a.pgm", "a.BMP", "a.b.tif"] {
      #expect(PictureFormat.isPicture(file: try folder.write([1, 2, 3], to: name)), "\(name)")
    }
    for name in ["a.txt", "png", "a.pngs", "a."] {
      #expect(!PictureFormat.isPicture(file: try folder.write([1, 2, 3], to: name)), "\(name)")
    }
    #expect(PictureFormat(ofFile: folder.path) == nil && PictureFormat(ofFile: folder.file("none")) == nil)
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "a Git LFS pointer", "git lfs pull"),
    ("<!DOCTYPE html><html></html>", "a web page (HTML)", "download it again"),
    ("{\"error\": 1}", "JSON text", "download it again"), ("PK\u{3}\u{4}0000", "a zip archive", "expected a picture"),
  ]) func aFileOfAnotherKindIsNamed(content: String, phrase: String, advice: String) throws {
    let folder = try Folder()
    let error = #expect(throws: ImagingError.self) { try Image(file: folder.write(Array(content.utf8), to: "a.png")) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("is \(phrase)") == true && error?.description.contains(advice) == true, "\(error!)")
  }
}

@Suite("Masks of pictures") struct ImageMaskTests {
  @Test func withoutTransparencyTheLumaIsTheMask() {
    #expect(Image(width: 2, height: 1, channels: 1, bytes: [0, 255]).mask.bytes == [0, 255])
    #expect(Image(width: 2, height: 1, channels: 4, bytes: [255, 255, 255, 255, 0, 0, 0, 255]).mask.bytes == [255, 0])
  }

  /// Whatever the colour of the brush, black too.
  @Test(arguments: [[0, 0, 0], [255, 255, 255], [200, 30, 40]] as [[UInt8]])
  func strokesOnATransparentLayerAreTheMask(color: [UInt8]) {
    let image = Image(width: 3, height: 1, channels: 4, bytes: color + [255] + [0, 0, 0, 0] + color + [140])
    #expect(image.mask == Image(width: 3, height: 1, channels: 1, bytes: [255, 0, 140]))
  }

  @Test func inABlackAndWhiteMaskTransparentCountsAsBlack() {
    #expect(Image(width: 3, height: 1, channels: 2, bytes: [255, 255, 0, 255, 255, 0]).mask.bytes == [255, 0, 0])
  }
}
