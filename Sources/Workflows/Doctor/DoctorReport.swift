import Archives
import Failures
import Foundation
import Imaging
import Models
import Tensors
import Training

/// The state of an installation: versions, devices, libraries, and the results of a self-check.
public struct DoctorReport: Codable, Sendable, Equatable {
  public struct Libtorch: Codable, Sendable, Equatable {
    /// The version that the program was compiled for, and the library's own, if known.
    public var headerVersion: String
    public var libraryVersion: String?
    public var path: String
    /// The widest instruction set that its kernels use.
    public var capability: String
    public var threads: Int
    /// The threading backend of Sfumato's own kernels.
    public var parallelBackend: String
  }

  /// A library loaded at run time.
  public struct Library: Codable, Sendable, Equatable {
    public var version: String?, path: String?
    /// Why it could not be loaded.
    public var problem: String?
  }

  /// One part of the self-check.
  public struct Check: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable { case ok, failed, missing }
    public var name: String
    public var outcome: Outcome
    /// What is wrong.
    public var problem: String?
    /// What to do about it.
    public var advice: String?
  }

  public var version: String
  public var swift: String
  /// Release or debug.
  public var build: String
  public var machine: MachineFacts
  public var libtorch: Libtorch
  /// Names that `--device` accepts on this machine.
  public var devices: [String]
  /// What `--precision auto` stands for on each of them.
  public var precisions: [String: String]
  public var libvips: Library
  public var libarchive: String
  /// Bundled models, name to file.
  public var models: [String: String]
  public var checks: [Check]

  /// The overall failure, if any: `internal` when a check failed, `missing` when something is only missing.
  public var failure: Failure? {
    if checks.contains(where: { $0.outcome == .failed }) { return .internal }
    return checks.contains { $0.outcome == .missing } ? .missing : nil
  }

  /// Examines this installation; takes well under a second.
  public static func examine() -> DoctorReport {
    // Threads are counted after it. What it throws, the check of libtorch reports.
    try? Torch.start()
    return DoctorReport(
      version: sfumatoVersion, swift: compiler, build: build, machine: .current,
      libtorch: Libtorch(
        headerVersion: Torch.headerVersion, libraryVersion: Torch.libraryVersion, path: Torch.libraryPath,
        capability: Torch.cpuCapability, threads: Torch.threadCount, parallelBackend: Torch.parallelBackend),
      // The check of libtorch itself comes first, because it loads what CUDA needs.
      devices: [], precisions: [:], libvips: vips(), libarchive: ArchiveLibrary.version, models: ModelLocator.bundledModels(),
      checks: DoctorCheck.all.map { $0.run() }
    ).withDevices()
  }

  private func withDevices() -> DoctorReport {
    var report = self
    report.devices = ["cpu"] + (0..<Torch.cudaDeviceCount).map { "cuda:\($0)" } + (Torch.mpsIsAvailable ? ["mps"] : [])
    report.precisions = Dictionary(
      uniqueKeysWithValues: report.devices.compactMap { name in
        Device(name).map { (name, PrecisionChoice.auto.resolved(on: $0).rawValue) }
      })
    return report
  }

  private static func vips() -> Library {
    do {
      let library = try VipsLibrary.loaded()
      return Library(version: library.version, path: library.path)
    } catch { return Library(problem: "\(error)") }
  }

  private static var build: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  /// Swift offers only comparisons with the compiler's version, not the version itself.
  private static var compiler: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3.2)
      "6.3.2 or later"
    #elseif compiler(>=6.3.1)
      "6.3.1"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }
}
