import Checkpoints
import Failures
import Foundation
import Imaging

/// `--report`: what became of the pictures, as JSON, as a page with details before and after, or as a sheet of these details.
final class RestorationReport {
  private enum Kind { case json, page, sheet }

  let file: String
  private let kind: Kind
  private var sheet = ComparisonSheet()
  private var comparisons: [ReportPage.Comparison?] = []

  /// The most pictures whose details a page shows.
  static let mostComparisons = 200

  /// - Throws: `SfumatoError` for a name of another kind, and for a file that cannot be written.
  init(at file: String, beside plan: RestorationPlan) throws {
    switch (file as NSString).pathExtension.lowercased() {
    case "json": kind = .json
    case "html": kind = .page
    case "png", "jpg", "jpeg", "webp": kind = .sheet
    default: throw SfumatoError(.usage, "\(file): unknown kind of report; expected a name in .json, .html or .png")
    }
    guard !plan.items.contains(where: { $0.target == file }) else {
      throw SfumatoError(.usage, "\(file): the report would overwrite a result; name another file")
    }
    try OutputFile.check(file)
    self.file = file
  }

  var showsDetails: Bool { kind != .json }

  /// A detail that cannot be drawn or encoded is left out; the picture is restored all the same.
  func add(_ picture: PictureRestoration) {
    if kind == .sheet, let detail = picture.detail {
      try? sheet.add(before: detail.before, after: detail.after, name: (picture.task.item.target as NSString).lastPathComponent)
    }
    guard kind == .page, comparisons.count < Self.mostComparisons, let detail = picture.detail else { return comparisons.append(nil) }
    comparisons.append(
      try? ReportPage.Comparison(before: detail.before.reportJPEG, after: detail.after.reportJPEG, width: detail.after.width))
  }

  /// - Throws: errors of writing.
  func write(_ outcomes: [RestorationOutcome], _ failures: [FailedPicture]) throws {
    switch kind {
    case .json: try AtomicFile.write(Self.json(outcomes, failures), to: file)
    case .page: try AtomicFile.write(page(outcomes, failures), to: file)
    case .sheet where sheet.isEmpty: throw SfumatoError(.data, "\(file): not written, for no picture was restored")
    case .sheet: try sheet.draw().write(to: file)
    }
  }

  private struct Content: Encodable {
    let pictures: [RestorationOutcome], failures: [FailedPicture]
  }

  private static func json(_ outcomes: [RestorationOutcome], _ failures: [FailedPicture]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(Content(pictures: outcomes, failures: failures)), as: UTF8.self) + "\n"
  }

  private func page(_ outcomes: [RestorationOutcome], _ failures: [FailedPicture]) -> String {
    var page = ReportPage("Restored pictures")
    let skipped = outcomes.filter(\.skipped), made = outcomes.filter { !$0.skipped }
    page.summary =
      "\(made.count) restored" + (skipped.isEmpty ? "" : ", \(skipped.count) were finished before")
      + (failures.isEmpty ? "" : ", \(failures.count) failed") + "; written " + ISO8601DateFormatter().string(from: Date())
    if !failures.isEmpty {
      page.add(heading: "Failed")
      page.add(list: failures.map(\.problem))
    }
    for (outcome, comparison) in zip(made, comparisons) {
      page.add(heading: outcome.output)
      if let comparison { page.add(comparison: comparison) }
      page.add(facts: outcome.facts)
    }
    if !skipped.isEmpty {
      page.add(heading: "Finished before")
      page.add(list: skipped.map(\.output))
    }
    return page.html()
  }
}

extension Image {
  /// Small, and close to the picture.
  fileprivate var reportJPEG: Data { get throws { Data(try encoded(as: .jpeg(quality: 93, subsampling: .full))) } }
}

extension RestorationOutcome {
  /// Names and values for a page.
  fileprivate var facts: [(name: String, value: String)] {
    func levels(_ value: Double?) -> String? { value.map { String(format: "%.2f", $0) } }
    let given = strengths.sorted { $0.key < $1.key }.map { String(format: "%@ %.2f", $0.key, $0.value) }
    let facts: [(String, String?)] = [
      ("input", input), ("size", "\(width) x \(height) to \(resultWidth) x \(resultHeight)"), ("strengths", given.joined(separator: ", ")),
      ("seconds", seconds.map { String(format: "%.1f", $0) }),
      ("color drift", levels(colorDriftMean).map { "\($0) levels in the mean, 99 % below \(levels(colorDriftHigh) ?? "")" }),
      ("input explained", levels(inputExplained).map { "to \($0) levels" }), ("remarks", remarks.joined(separator: "; ")),
    ]
    return facts.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : (name, $0) } }
  }
}
