import Training

/// Tells of pictures that a training could not use, each once, the first of them by name.
struct UnusableReports {
  let quiet: Bool
  private var shown = 0

  /// The rest is in the log.
  private static let most = 20

  init(quiet: Bool) { self.quiet = quiet }

  mutating func show(_ pictures: UnusablePictures, _ bar: inout ProgressBar) {
    guard !quiet, pictures.count > shown else { return }
    bar.makeRoom()
    for report in pictures.reports.prefix(Self.most).dropFirst(shown) { Console.note("not used: \(report)") }
    if pictures.count > Self.most, shown <= Self.most { Console.note("more pictures cannot be used; log.jsonl names them") }
    shown = pictures.count
  }

  /// At the end, for whoever did not watch.
  func sum(_ pictures: UnusablePictures) {
    guard pictures.count > 0 else { return }
    Console.note(pictures.count == 1 ? "1 picture could not be used" : "\(pictures.count) pictures could not be used")
  }
}
