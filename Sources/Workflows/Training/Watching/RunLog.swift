import Failures
import Foundation
import Training

/// What a run's `log.jsonl` says, read without trusting it: of a long log evenly chosen lines, and every line that is rare.
struct RunLog {
  private(set) var lines: [TrainingLogLine] = []
  private(set) var rollbacks: [RollbackLogLine] = []
  private(set) var evaluations: [EvaluationLogLine] = []

  /// The most lines of the usual kind that are decoded, and the longest line.
  private static let mostLines = 20_000, longestLine = 1 << 20
  /// The most bytes read; of a larger file, the end.
  private static let mostBytes = 1 << 28

  init() {}

  /// A log that does not exist yet is empty; lines that cannot be read, such as a last one that is being written, are left out.
  init(path: String) {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path.urlPath), options: .alwaysMapped) else { return }
    read(data.suffix(Self.mostBytes))
  }

  init(text: String) { read(Data(text.utf8)) }

  private mutating func read(_ data: Data) {
    let slices = data.split(separator: UInt8(ascii: "\n")).filter { $0.count <= Self.longestLine }
    let decoder = JSONDecoder(), stride = max(1, slices.count / Self.mostLines)
    let rare = [Data("\"rollback\"".utf8), Data("\"validation_loss\"".utf8), Data("\"frechet_distance\"".utf8)]
    for (index, slice) in slices.enumerated() {
      let isChosen = index % stride == 0 || index == slices.count - 1 || rare.contains { slice.range(of: $0) != nil }
      guard isChosen else { continue }
      if let rollback = try? decoder.decode(RollbackLogLine.self, from: slice) {
        rollbacks.append(rollback)
      } else if let line = try? decoder.decode(EvaluationLogLine.self, from: slice) {
        if line.isPossible { evaluations.append(line) }
      } else if let line = try? decoder.decode(TrainingLogLine.self, from: slice) {
        lines.append(line)
      }
    }
  }

  /// The values of a kind over the images seen, where lines have one.
  func points(_ value: (TrainingLogLine) -> Double?) -> [(x: Double, y: Double)] {
    lines.compactMap { line in value(line).map { (Double(line.images), $0) } }
  }

  /// A figure of the samples over the images seen.
  private func judged(_ title: String, _ value: (EvaluationLogLine) -> Double?) -> Plot {
    Plot(
      title,
      [Plot.Series(name: "averaged weights", points: evaluations.compactMap { line in value(line).map { (Double(line.images), $0) } })])
  }

  /// The curves of the run; those without values are empty.
  var plots: [Plot] {
    func series(_ name: String, _ value: @escaping (TrainingLogLine) -> Double?) -> Plot.Series {
      Plot.Series(name: name, points: points(value))
    }
    let quarters = ["least noise", "second quarter", "third quarter", "most noise"]
    return [
      Plot("Loss", isLogarithmic: true, [series("training", \.loss), series("held out", \.validationLoss)]),
      Plot(
        "Loss by noise", isLogarithmic: true,
        quarters.enumerated().map { quarter, name in series(name) { $0.quartiles[quarter] } } + [series("last step", \.lossLast)]),
      Plot(
        "Held-out loss by noise", isLogarithmic: true,
        quarters.enumerated().map { quarter, name in series(name) { $0.validationQuartiles[quarter] } }),
      judged("Frechet distance of samples") { $0.frechetDistance }, judged("Class accuracy of samples") { $0.classAccuracy },
      Plot("Accuracy", [series("training", \.accuracy), series("held out", \.validationAccuracy)]),
      Plot(
        "Held-out accuracy by noise", quarters.enumerated().map { quarter, name in series(name) { $0.validationAccuracies[quarter] } }),
      Plot("Learning rate", [series("learning rate", \.learningRate)]),
      Plot("Norm of the gradient", isLogarithmic: true, [series("before clipping", \.gradientNorm)]),
      Plot("Norm of the parameters", [series("all parameters", \.parameterNorm)]),
      Plot("Gradient noise scale in images", isLogarithmic: true, [series("noise scale", \.gradientNoiseScale)]),
      Plot("Images per second", [series("images per second", \.imagesPerSecond)]),
      Plot("Memory in bytes", [series("resident", { line in line.memoryBytes.map { Double($0) } })]),
    ]
  }

  /// What the log has to say that is not a curve.
  var warnings: [String] {
    var warnings = rollbacks.map(\.description)
    let skipped = lines.reduce(0) { $0 + max(0, min($1.skippedSteps, 1 << 40)) }
    if skipped > 0 { warnings.append("\(skipped) steps were skipped because their loss or gradient was not finite") }
    if let unusable = lines.compactMap(\.unusablePictures).max() { warnings.append("\(unusable) pictures could not be used") }
    return warnings
  }
}
