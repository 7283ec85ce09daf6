import Failures
import Foundation
import Testing

@testable import Checkpoints

/// Links to devices stand for the devices: what would replace those replaces the link.
@Suite("Writing where no file is") struct WritingTargetTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func kind(_ name: String) -> mode_t {
    var facts = stat()
    return lstat("\(folder.path)/\(name)", &facts) == 0 ? facts.st_mode & S_IFMT : 0
  }

  @Test func aDeviceIsWrittenAsItStands() throws {
    let path = "\(folder.path)/null"
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/null")
    try AtomicFile.write("text", to: path)
    #expect(kind("null") == S_IFLNK)
    #expect(throws: CheckpointError.self) { try AtomicFile.move(folder.file("new", [1]), to: path) }
    #expect(kind("null") == S_IFLNK && kind("new") == S_IFREG)
    #expect(throws: Never.self) { try OutputFile.check(path) }
  }

  #if os(Linux)
    @Test func aFullDeviceIsReported() throws {
      let path = "\(folder.path)/full"
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
      let error = #expect(throws: CheckpointError.self) { try AtomicFile.write("text", to: path) }
      #expect(error?.problem == .io && error?.message.contains("No space left on device") == true, "\(String(describing: error))")
    }
  #endif

  @Test func aNameThatIsTooLongIsRefusedBeforeTheWork() throws {
    let longest = "\(folder.path)/" + String(repeating: "é", count: 127)
    try AtomicFile.write("text", to: longest)
    #expect(kind(String(repeating: "é", count: 127)) == S_IFREG)
    let error = #expect(throws: SfumatoError.self) { try OutputFile.check(longest + "é") }
    #expect(
      error?.failure == .usage && error?.description.contains("may have 255 bytes, and this one has 256") == true,
      "\(String(describing: error))")
  }

  @Test func aFileInTheWayOfAFolderIsNamed() throws {
    let file = try folder.file("a", [1])
    #expect("\(file)/b/c".makeFolder() == "\(file) is in the way, which is not a folder")
    #expect(file.makeFolder() == "\(file) is in the way, which is not a folder")
    #expect("\(folder.path)/b/c".makeFolder() == nil && kind("b") == S_IFDIR)
  }

  /// Opening a pipe would wait for a reader for ever.
  @Test(.timeLimit(.minutes(1))) func aPipeIsRefusedWithoutOpening() throws {
    let path = "\(folder.path)/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let error = #expect(throws: CheckpointError.self) { try AtomicFile.write("text", to: path) }
    #expect(error?.failure == .io && error?.message.hasPrefix("cannot be written: it is a pipe") == true, "\(String(describing: error))")
    #expect(throws: CheckpointError.self) { try AtomicFile.move(folder.file("new", [1]), to: path) }
    #expect(throws: SfumatoError.self) { try OutputFile.check(path) }
    #expect(kind("pipe") == S_IFIFO)
  }

  @Test func aPipeThatIsOpenIsWritten() throws {
    let path = "\(folder.path)/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try AtomicFile.write("text", to: path)
    var bytes = [UInt8](repeating: 0, count: 8)
    #expect(read(reader, &bytes, 8) == 4 && bytes.prefix(4) == Array("text".utf8)[...])
  }

  @Test func aFolderAndASocketAreRefused() throws {
    #expect(WritingTarget(folder.path).problem == "it is a folder")
    #expect(WritingTarget("\(folder.path)/new") == .file)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(folder.path)/s".utf8.prefix(100)) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    try #require(bound == 0)
    #expect(WritingTarget("\(folder.path)/s").problem == "it is a socket; name a file")
  }
}
