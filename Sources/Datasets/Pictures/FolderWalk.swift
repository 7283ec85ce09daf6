import Foundation

/// Every file below a folder, by its path relative to it.
///
/// Names that begin with a dot and `__MACOSX` are passed over. Links to files are followed wherever they lead, out of the folder
/// too: the link was put there on purpose. So are links to folders, each after everything that needs no link, and no folder is
/// read twice: a link back to a folder above, or to one that is read already, is left out and reported, so that loops end.
struct FolderWalk {
  /// The files found, in no order.
  private(set) var files: [String] = []
  private(set) var skipped: [SkippedFile] = []

  private let root: String
  private var seen: Set<Identity> = []
  /// Relative paths, each with a "/" at its end; the root is empty.
  private var folders: [String] = [""]
  private var links: [String] = []

  private struct Identity: Hashable {
    let device: UInt64, number: UInt64
  }

  /// - Throws: `DatasetError` when the folder itself cannot be read.
  init(_ root: String) throws(DatasetError) {
    self.root = root
    while true {
      if let folder = folders.popLast() {
        try read(folder)
      } else if !links.isEmpty {
        // In the order of their names, so that of two links to one folder always the same is taken.
        links.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        folders.append(links.removeFirst() + "/")
      } else {
        return
      }
    }
  }

  static func isIgnored(_ name: some StringProtocol) -> Bool { name.utf8.first == 0x2E || name == "__MACOSX" }

  private mutating func read(_ folder: String) throws(DatasetError) {
    guard let stream = opendir("\(root)/\(folder)") else {
      if folder.isEmpty { throw .system(root, errno) }
      return skip(String(folder.dropLast()), "a folder that cannot be read: \(String(cString: strerror(errno)).lowercased())")
    }
    defer { closedir(stream) }
    var status = stat()
    guard fstat(dirfd(stream), &status) == 0 else { throw .system("\(root)/\(folder)", errno) }
    guard seen.insert(Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))).inserted else {
      return skip(String(folder.dropLast()), "a link to a folder that is read already")
    }
    while let entry = readdir(stream) {
      let type = Int32(entry.pointee.d_type)
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) { String(validatingCString: $0) }
      }
      guard let name else {
        skip("\(folder)…", "its name is not UTF-8")
        continue
      }
      if !Self.isIgnored(name) { add(folder + name, type: type) }
    }
  }

  private mutating func add(_ path: String, type: Int32) {
    switch type {
    case Int32(DT_REG): files.append(path)
    case Int32(DT_DIR): folders.append(path + "/")
    case Int32(DT_LNK), Int32(DT_UNKNOWN): resolve(path)
    default: skip(path, "neither a file nor a folder")
    }
  }

  /// What a link leads to, or what a file system that does not say so has there.
  private mutating func resolve(_ path: String) {
    var status = stat(), own = stat()
    guard stat("\(root)/\(path)", &status) == 0, lstat("\(root)/\(path)", &own) == 0 else {
      return skip(path, errno == ELOOP ? "a link in a circle of links" : "a link that leads nowhere")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: files.append(path)
    case S_IFDIR where own.st_mode & S_IFMT == S_IFLNK: links.append(path)
    case S_IFDIR: folders.append(path + "/")
    default: skip(path, "neither a file nor a folder")
    }
  }

  private mutating func skip(_ name: String, _ reason: String) { skipped.append(SkippedFile(name: name, reason: reason)) }
}
