internal import CVips
import Failures
import Foundation

/// The libvips that this process uses, found and opened at first use.
///
/// If `$LIBVIPS` is set, only the file that it names is tried. Otherwise the first of these is used: `libvips-*.so*` (`*.dylib`) in
/// `.libvips` of a folder above the program; in `.libvips` of the package that contains the working folder; in
/// `${XDG_CACHE_HOME:-~/.cache}/sfumato/libvips*/`; the system's library.
public struct VipsLibrary: Sendable, Equatable {
  /// The file, or for the system's library the name that the loader resolved.
  public let path: String
  /// Such as "8.18.3".
  public let version: String

  /// - Throws: `ImagingError` that lists every place that was tried, with the reason for its failure.
  public static func loaded() throws -> VipsLibrary { try shared.get() }

  private static let shared: Result<VipsLibrary, ImagingError> = {
    let environment = ProcessInfo.processInfo.environment
    let places = VipsSearch(
      environment: environment, executable: Bundle.main.executablePath,
      workingFolder: FileManager.default.currentDirectoryPath)
    return open(places.candidates)
  }()

  static func open(_ candidates: [String]) -> Result<VipsLibrary, ImagingError> {
    var attempts: [String] = []
    // Data sets decode many small pictures in parallel, so more threads for each picture would only compete.
    let threads = min(2, ProcessInfo.processInfo.activeProcessorCount)
    for path in candidates {
      guard let reason = cv_open(path, Int32(threads)) else {
        return .success(VipsLibrary(path: path, version: String(cString: cv_version())))
      }
      // The loader's own message begins with the name already.
      let message = String(cString: reason)
      attempts.append(message.hasPrefix(path) ? message : "\(path): \(message)")
    }
    return .failure(ImagingError(.libraryMissing(attempts: attempts)))
  }
}

/// The places where libvips is searched for, in order.
struct VipsSearch {
  var environment: [String: String]
  var executable: String?
  var workingFolder: String

  #if os(macOS)
    static let systemName = "libvips.42.dylib"
  #else
    static let systemName = "libvips.so.42"
  #endif

  var candidates: [String] {
    if let explicit = environment["LIBVIPS"], !explicit.isEmpty { return [explicit] }
    var folders: [String] = []
    if let executable {
      let real = URL(fileURLWithPath: executable).resolvingSymlinksInPath().path
      folders += ancestors(of: real).map { "\($0)/.libvips" }
    }
    // A library is loaded from the working folder only if that belongs to a package.
    let package = ([workingFolder] + ancestors(of: workingFolder)).first { exists("\($0)/Package.swift") }
    if let package { folders.append("\(package)/.libvips") }
    folders += cacheFolders
    var seen: Set<String> = []
    return folders.flatMap(libraries(in:)).filter { seen.insert($0).inserted } + [Self.systemName]
  }

  private var cacheFolders: [String] {
    let given = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    guard let cache = given ?? environment["HOME"].map({ "\($0)/.cache" }) else { return [] }
    let folders = names(in: "\(cache)/sfumato").filter { $0.hasPrefix("libvips") }.reversed().map { "\(cache)/sfumato/\($0)" }
    return folders.flatMap { ["\($0)/pyvips_binary.libs", $0] }  // the first is the layout of the wheel
  }

  private func libraries(in folder: String) -> [String] {
    names(in: folder)
      .filter { $0.hasPrefix("libvips") && !$0.hasPrefix("libvips-cpp") && ($0.contains(".so") || $0.hasSuffix(".dylib")) }
      .map { "\(folder)/\($0)" }
  }

  private func ancestors(of path: String) -> [String] {
    var folders: [String] = []
    var folder = path.parentFolder
    while !folder.isEmpty {
      folders.append(folder == "/" ? "" : folder)
      if folder == "/" { break }
      folder = folder.parentFolder
    }
    return folders
  }

  private func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
