import Foundation
import Testing

@testable import Imaging

@Suite("Finding libvips") struct VipsLibraryTests {
  @Test func theLibraryInUseSaysWhereItIsAndItsVersion() throws {
    let library = try VipsLibrary.loaded()
    #expect(library.path.contains("libvips"))
    #expect(library.version.hasPrefix("8."))
  }

  @Test func theFileThatTheUserNamesIsTheOnlyOneTried() {
    let search = VipsSearch(environment: ["LIBVIPS": "/opt/mine.so", "HOME": "/home/x"], executable: nil, workingFolder: "/")
    #expect(search.candidates == ["/opt/mine.so"])
  }

  @Test func placesAreTriedFromTheProgramToTheSystem() throws {
    let folder = try Folder()
    for path in ["p/.libvips", "p/.build/debug", "w/.libvips", "w/sub", "cache/sfumato/libvips-8.18.7"] {
      try FileManager.default.createDirectory(atPath: folder.file(path), withIntermediateDirectories: true)
    }
    let program = try folder.write([], to: "p/.libvips/libvips-1.so.42")
    let package = try folder.write([], to: "w/.libvips/libvips-2.so.42")
    let cache = try folder.write([], to: "cache/sfumato/libvips-8.18.7/libvips-3.so.42")
    _ = try folder.write([], to: "p/.libvips/unrelated.so")
    var search = VipsSearch(
      environment: ["XDG_CACHE_HOME": folder.file("cache")], executable: folder.file("p/.build/debug/tool"),
      workingFolder: folder.file("w/sub"))
    #expect(search.candidates == [program, cache, VipsSearch.systemName], "a folder that is no package was searched")
    _ = try folder.write([], to: "w/Package.swift")
    #expect(search.candidates == [program, package, cache, VipsSearch.systemName])
    search.environment = [:]
    #expect(search.candidates == [program, package, VipsSearch.systemName])
  }

  @Test func withoutALibraryTheErrorNamesEveryPlaceAndWhatToDo() throws {
    let folder = try Folder()
    let broken = try folder.write(Array("no library".utf8), to: "libvips-x.so.42")
    let missing = folder.file("libvips-y.so.42")
    guard case .failure(let error) = VipsLibrary.open([broken, missing]) else {
      Issue.record("a text was opened as a library")
      return
    }
    let text = error.description
    #expect(text.hasPrefix("libvips, which reads and writes pictures, was not found ("))
    #expect(text.contains(broken) && text.contains(missing))
    #expect(text.hasSuffix("; run ./dev setup, or name a libvips of version 8.14 or later in LIBVIPS"))
  }
}
