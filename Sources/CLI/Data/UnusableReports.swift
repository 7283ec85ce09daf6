import Training

/// Reports the pictures that a training could not use, each once, the first 20 by name.
struct UnusableReports {
  let quiet: Bool
  private var shown = 0

  /// The rest is in the log.
  private static let most = 20

  init(quiet: Bool) { self.quiet = quiet }

  mutating func show(_ pictures: UnusablePictures, _ bar: inout ProgressBar) {
    guard !quiet, pictures.count > shown else { return }
    bar.makeRoom()
    for report in pictures.reports.prefix(Self.most).dropFirst(shown) { Console.note("unusable: \(report)") }
    if pictures.count > Self.most, shown <= Self.most { Console.note("more pictures are unusable; log.jsonl names them") }
    shown = pictures.count
  }

  /// The total, at the end.
  func sum(_ pictures: UnusablePictures) {
    guard pictures.count > 0 else { return }
    Console.note(pictures.count == 1 ? "1 picture was unusable" : "\(pictures.count) pictures were unusable")
  }
}
