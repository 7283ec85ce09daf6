import Foundation
import Models
import Tensors

/// The machine that the program runs on.
public struct MachineFacts: Codable, Sendable, Equatable {
  public var system: String
  /// The processor's name, as the system reports it.
  public var processor: String
  public var cores: Int
  /// The instruction set extensions relevant to speed that processor and system support.
  public var features: [String]
  public var memoryBytes: UInt64

  public static var current: MachineFacts {
    let process = ProcessInfo.processInfo
    return MachineFacts(
      system: process.operatingSystemVersionString, processor: processorName() ?? "unknown processor",
      cores: process.activeProcessorCount, features: Torch.cpuFeatures, memoryBytes: process.physicalMemory)
  }

  /// The load average of the last minute.
  static var load: Double? {
    var averages = [0.0]
    return getloadavg(&averages, 1) == 1 ? averages[0] : nil
  }

  #if os(macOS)
    private static func processorName() -> String? {
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else { return nil }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  #else
    private static func processorName() -> String? {
      guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
      let line = text.split(separator: "\n").first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
      return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
  #endif
}
