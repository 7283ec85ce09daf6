import Checkpoints
import Foundation
import Models
import Training

/// `report.html` of a run: curves, previews as a film strip, recipe, data, machine and warnings on one self-contained page.
struct TrainingReport {
  let folder: RunFolder
  /// Name and value, in order.
  var data: [(name: String, value: String)] = []
  var machine: [(name: String, value: String)] = []
  var warnings: [String] = []
  var summary = ""

  /// The most previews that are shown, and the bytes that they may take together; more are left out evenly.
  static let mostPreviews = 16, mostPreviewBytes = 6 << 20
  /// The longest recipe and the most warnings that are shown.
  private static let mostRecipe = 1 << 17, mostWarnings = 50

  /// Writes the page in the place of an earlier one, whole or not at all.
  func write() throws { try AtomicFile.write(html(), to: folder.reportPath) }

  func html() -> String {
    let log = RunLog(path: folder.logPath)
    var page = ReportPage((folder.path as NSString).lastPathComponent)
    page.summary = summary
    let warnings = warnings + log.warnings
    if !warnings.isEmpty {
      page.add(heading: "Warnings")
      let more = warnings.count - Self.mostWarnings
      page.add(list: warnings.prefix(Self.mostWarnings) + (more > 0 ? ["and \(more) more"] : []))
    }
    page.add(heading: "Curves")
    if log.lines.isEmpty { page.add(paragraph: "The log has no lines yet.") }
    page.add(plots: log.plots)
    addPreviews(to: &page)
    page.add(heading: "Data")
    page.add(facts: data)
    page.add(heading: "Machine")
    page.add(facts: machine)
    page.add(heading: "Recipe")
    let recipe = (try? String(contentsOfFile: folder.recipePath, encoding: .utf8)) ?? ""
    page.add(preformatted: recipe.utf8.count <= Self.mostRecipe ? recipe : String(recipe.prefix(Self.mostRecipe)) + "\n…")
    return page.html()
  }

  private func addPreviews(to page: inout ReportPage) {
    let previews = folder.previews
    guard !previews.isEmpty else { return }
    page.add(heading: "Previews")
    let shown = Self.chosen(previews)
    page.add(
      strip: shown.compactMap { preview in
        FileManager.default.contents(atPath: preview.path).map { ($0, "\(preview.images) images") }
      })
    if shown.count < previews.count { page.add(paragraph: "\(shown.count) of \(previews.count) previews.") }
  }

  /// Evenly chosen previews, the last one among them, so few that they stay within the limit.
  private static func chosen(_ previews: [RunFolder.Preview]) -> [RunFolder.Preview] {
    var count = min(previews.count, mostPreviews)
    while count > 0 {
      let chosen = (0..<count).map { previews[previews.count - 1 - (count - 1 - $0) * previews.count / count] }
      if chosen.reduce(0, { $0 + $1.bytes }) <= mostPreviewBytes { return chosen }
      count /= 2
    }
    return []
  }
}

extension TrainingReport {
  /// The report of a training under way.
  init(_ job: TrainingJob) {
    folder = job.folder
    data = Self.data(of: job)
    machine = Self.machine(of: job)
    warnings = job.previewProblem.map { ["the last preview failed: \($0)"] } ?? []
    let position = job.position, done = Int(100 * min(job.progress, 1))
    summary =
      "step \(position.step), \(position.images) images, \(done)% of \(job.recipe.training.duration)"
      + (job.isStoppedEarly ? ", stopped early" : "") + ", \(Self.duration(position.seconds)) of training; written "
      + ISO8601DateFormatter().string(from: Date())
  }

  private static func data(of job: TrainingJob) -> [(name: String, value: String)] {
    let spec = job.modelRecipe.data, classes = spec.classNames
    let shown = classes.prefix(40).joined(separator: ", ") + (classes.count > 40 ? " …" : "")
    return [
      ("images", "\(job.dataset.count)"), ("held out", "\(job.data.split.validation.count)"),
      ("size", "\(spec.height) x \(spec.width), \(spec.channels == 1 ? "1 channel" : "\(spec.channels) channels")"),
      ("classes", classes.isEmpty ? "none" : "\(classes.count): \(shown)"), ("type", job.recipe.data.type),
      ("paths", job.recipe.data.member.paths.prefix(20).joined(separator: "\n")),
    ].filter { !$0.1.isEmpty }
  }

  private static func machine(of job: TrainingJob) -> [(name: String, value: String)] {
    let machine = MachineFacts.current
    return [
      ("device", "\(job.device), \(job.recipe.training.precision.rawValue)"), ("processor", "\(machine.processor), \(machine.cores) cores"),
      ("memory", Magnitude.bytes(Int(clamping: machine.memoryBytes))), ("system", machine.system),
      ("network", "\(job.modelRecipe.networkType), \(job.parameterCount) parameters"), ("version", "Sfumato \(sfumatoVersion)"),
    ]
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9))
    return whole >= 3600 ? "\(whole / 3600) h \(whole / 60 % 60) min" : whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
  }
}
