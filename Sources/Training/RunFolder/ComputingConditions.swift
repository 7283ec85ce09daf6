import Foundation
import Tensors

/// What the bytes of a training depend on beside its recipe: sums run in another order with other instructions or another number of threads.
public struct ComputingConditions: Codable, Sendable, Equatable {
  public var threads: Int
  /// Extensions of the instruction set, as `Torch.cpuFeatures` names them.
  public var processor: [String]
  public var libtorch: String

  public static var current: ComputingConditions {
    ComputingConditions(threads: Torch.threadCount, processor: Torch.cpuFeatures, libtorch: Torch.headerVersion)
  }

  /// Computes with as many threads as a checkpoint was, so that its training resumes to the same bytes: where this machine has so many, and
  /// the user has not set a number.
  /// - Parameters:
  ///   - current: of this process.
  ///   - isSet: whether `OMP_NUM_THREADS` says how many threads there are.
  /// - Returns: what the user should know: that more threads could be used, or that bytes will differ.
  public func adopt(
    _ current: ComputingConditions = .current, isSet: Bool = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil
  ) -> [String] {
    guard (1...65536).contains(threads) else { return [] }
    var notes: [String] = [], differences: [String] = []
    if threads < current.threads, !isSet {
      Torch.threadCount = threads
      notes.append(
        "computing with \(threads) of \(current.threads) threads, as before, so that the training resumes to the same bytes; "
          + "OMP_NUM_THREADS=\(current.threads) uses all of them")
    } else if threads != current.threads {
      differences.append("\(threads) threads, now \(current.threads)")
    }
    if libtorch != current.libtorch { differences.append("libtorch \(libtorch), now \(current.libtorch)") }
    if processor != current.processor { differences.append("\(Self.text(processor)), now \(Self.text(current.processor))") }
    guard !differences.isEmpty else { return notes }
    return notes + [
      "the checkpoint was computed with \(differences.joined(separator: "; ")): the training continues with results that agree within rounding"
    ]
  }

  private static func text(_ features: [String]) -> String { features.isEmpty ? "no vectors" : features.joined(separator: " ") }
}
