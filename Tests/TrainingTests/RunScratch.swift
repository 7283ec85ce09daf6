import Foundation
import Tensors

@testable import Training

/// A run folder of checkpoints that hold little, in a folder that goes away with it.
final class RunScratch {
  private let scratch: ScratchFolder
  let path: String

  init() throws {
    scratch = try ScratchFolder()
    path = scratch.path + "/run"
  }

  /// A folder with checkpoints of these steps.
  func folder(_ steps: [Int], keep: Int = 100) throws -> RunFolder {
    let folder = try RunFolder(creating: path)
    for step in steps { try folder.save(Self.checkpoint(step), metadata: ["step": "\(step)"], keep: keep) }
    try folder.write(recipe: "training: { seed: 3 }\n")
    return folder
  }

  /// Every part holds the number of the step.
  static func checkpoint(_ step: Int, isGood: Bool = true, learningRate: Double? = nil) -> RunFolder.Checkpoint {
    let part = { (name: String) in StateDict([(name, Tensor.full(Double(step), [3]))]) }
    return RunFolder.Checkpoint(
      weights: part("w"), average: part("a"), optimizer: part("o"), timesteps: step < 100 ? part("t") : StateDict(),
      position: TrainingPosition(
        step: step, images: 4 * step, averageSteps: step, seconds: 0.5, learningRate: learningRate, isGood: isGood))
  }

  func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }
  func bytes(_ file: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(file)")) }
  func text(_ file: String) throws -> String { String(decoding: try bytes(file), as: UTF8.self) }

  func write(_ text: String, to file: String) throws { try write(Data(text.utf8), to: file) }
  func write(_ bytes: Data, to file: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(file)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: url)
  }

  /// Flips one bit of a file.
  func flip(_ file: String, byte: Int, bit: UInt8 = 0) throws {
    var bytes = try bytes(file)
    bytes[bytes.startIndex + (byte < 0 ? bytes.count + byte : byte)] ^= 1 << bit
    try write(bytes, to: file)
  }
}
