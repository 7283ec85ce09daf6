import ArgumentParser
import Failures
import Workflows

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Describe a data set, or export it in another format.",
    discussion: """
      SOURCE is a folder of pictures, a zip or tar of them, an IDX file, a numpy array (.npy, .npz), CIFAR's binary files, a \
      recipe (its section data), or a data set without files: glyphs. The format is detected from the contents.
      """,
    subcommands: [Inspect.self, Export.self, Corruptions.self])

  /// The data set.
  struct Source: ParsableArguments {
    @Argument(help: ArgumentHelp("A path, a recipe, or the name of a data set without files: glyphs.", valueName: "source"))
    var source: String

    @Option(
      help: ArgumentHelp(
        "Override a recognised value, as labels=labels.npy, or the kind, as type=sprites; may be repeated.",
        valueName: "key=value"))
    var set: [String] = []

    func open() throws -> DataSource { try DataSource(source, set: set) }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Describe a data set: number of pictures, sizes, channels, classes, unreadable files.",
      usage: "sfumato data inspect [<options>] <source>",
      discussion: """
        Every picture is decoded. If any is unreadable, the exit code is 65.

        Examples:
          sfumato data inspect glyphs --set count=720 -o glyphs.png
          sfumato data inspect photos --quick
          sfumato data inspect sprites.npy --set labels=labels.npy -o sheet.png
          sfumato data inspect recipes/digits.yaml
        """)

    @OptionGroup var data: Source

    @Option(name: .shortAndLong, help: "Also a contact sheet with some pictures of each class: PNG, JPEG or WebP by its name.")
    var output: String?

    @Flag(help: "Read only the headers of picture files; damage after the header goes unnoticed.")
    var quick = false

    @OptionGroup var shown: OutputOptions

    mutating func run() throws {
      let source = try data.open()
      if let output { try DataInspection.check(sheet: output) }
      let inspection = DataInspection(data.source, source, depth: quick ? .headers : .full)
      try LongWork(title: "reading", quiet: shown.quiet).run(inspection.next) {
        inspection.unreadableCount > 0 ? "\(inspection.unreadableCount) unreadable" : ""
      }
      let report = inspection.report
      try Console.result(shown.json ? JSONText.of(report) : DataText(report: report).text)
      if let output {
        try Signals.enter(.writing)
        try inspection.sheet().write(to: output)
      }
      if report.unreadableCount > 0 { throw ExitCode(Failure.data.exitCode) }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Export a data set as IDX files, as an .npz, or as PNG files in a folder for each class.",
      usage: "sfumato data export [<options>] <source> -o <output>",
      discussion: """
        The result is written as a whole or not at all. An unreadable picture is reported and left out, and the exit code is 65.

        Examples:
          sfumato data export glyphs -o glyphs-images-idx3-ubyte.gz --set count=10000
          sfumato data export photos -o photos64.npz --size 64
          sfumato data export digits.npz -o digits --count 1000
        """)

    @OptionGroup var data: Source

    @Option(
      name: .shortAndLong,
      help: "NAME.npz (arr_0, arr_1); NAME-images-idx3-ubyte or .gz, with the labels beside it; or a new folder, NAME.")
    var output: String

    @Option(help: "Height and width in pixels: the largest central square of each picture, resized.")
    var size: Int?

    @Option(help: "Number of pictures, from the first. Default: all.")
    var count: Int?

    @OptionGroup var shown: OutputOptions

    mutating func run() throws {
      var request = DataExport.Request(output: output)
      (request.size, request.count) = (size, count)
      let export = try DataExport(data.open(), request)
      try LongWork(title: "exporting", quiet: shown.quiet, stage: .writing).run(export.next)
      let report = export.report
      for failure in report.unreadable { Console.error(failure.reason) }
      if shown.json { try Console.result(JSONText.of(report)) } else { for file in report.files { try Console.result(file) } }
      if !shown.quiet {
        let left = report.unreadable.isEmpty ? "" : "; \(report.unreadable.count) left out"
        Console.note("\(Console.counted(report.count, "picture"))\(left)")
      }
      if !report.unreadable.isEmpty { throw ExitCode(Failure.data.exitCode) }
    }
  }
}

extension DataCommand {
  struct Corruptions: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the corruptions of restoration training on a picture, at strengths from 0 to 1.",
      usage: "sfumato data corruptions [<options>] <picture> [<recipe>] -o <output>",
      discussion: """
        A row for each corruption, a column for each strength; only the middle of a large picture is shown.

        Examples:
          sfumato data corruptions photo.jpg -o corruptions.png
          sfumato data corruptions photo.jpg mine.yaml -o mine.png
        """)

    @Argument(help: "A picture in any format.")
    var picture: String

    @Argument(help: "A recipe whose corruptions are shown. Default: all corruptions with their defaults.")
    var recipe: String?

    @Option(name: .shortAndLong, help: "The sheet to write: PNG, JPEG or WebP by its name.")
    var output: String

    @Option(help: "Height and width of the part to show, in pixels.")
    var size = 128

    @Option(help: "Random seed of the corruptions.")
    var seed = 0

    mutating func run() throws {
      var overview = CorruptionOverview(picture: picture, recipe: recipe)
      (overview.side, overview.seed) = (size, seed)
      try Signals.enter(.writing)
      try overview.write(to: output)
      try Console.result(output)
    }
  }
}

/// The report on a data set as lines.
struct DataText {
  let report: DataReport
  private static let mostReasons = 20
  private static let widest = 100

  var text: String { (facts + classes + unreadable + skipped).joined(separator: "\n") }

  private var facts: [String] {
    let r = report
    var lines = ["\(r.source): \(Console.counted(r.count, "picture")) (\(r.kind))"]
    lines += r.settings.enumerated().map { "  \($0 == 0 ? "recipe  " : "        ")   \($1)" }
    if let sizes = r.sizes { lines.append("  size       \(Self.text(sizes))") }
    lines.append("  channels   \(r.channels.map { Self.text($0, isOnly: r.channels.count == 1) }.joined(separator: ", "))")
    if let context = r.contextSize { lines.append("  context    a vector of \(context) numbers for each picture") }
    if let captions = r.captions {
      lines.append(
        "  captions   \(captions.count) of \(r.count), \(captions.different) different, of at most \(captions.longest) bytes")
      lines += captions.examples.map { "             \($0)" }
    }
    if !r.isComplete { lines.append("  read       headers only; without --quick every picture is decoded") }
    return lines
  }

  private static func text(_ sizes: DataReport.Sizes) -> String {
    func text(_ size: DataReport.Size) -> String { "\(size.height) x \(size.width)" }
    guard sizes.different > 1 else { return "\(text(sizes.largest)) (height x width), all of them" }
    return "\(text(sizes.smallest)) to \(text(sizes.largest)) (height x width), median \(text(sizes.median)), \(sizes.different) different"
  }

  private static func text(_ count: DataReport.ChannelCount, isOnly: Bool) -> String {
    let meaning = [1: "grey", 2: "grey and alpha", 3: "colour", 4: "colour and alpha"][count.channels] ?? ""
    return "\(count.channels) (\(meaning))\(isOnly ? "" : ": \(count.count)")"
  }

  private var classes: [String] {
    guard !report.classes.isEmpty else { return ["  classes    none"] }
    var lines = ["  classes    \(report.classes.count)"], line = ""
    for item in report.classes {
      let word = "\(item.name) \(item.count)"
      if !line.isEmpty, line.count + word.count + 2 > Self.widest - 13 {
        lines.append("             \(line),")
        line = ""
      }
      line += line.isEmpty ? word : ", \(word)"
    }
    lines.append("             \(line)")
    if let first = report.classes.first, first.name == "0", first.count == 0 {
      lines.append("             class 0 has no pictures; if the labels begin at 1, add --set first_label=1")
    }
    if report.unlabelled > 0 { lines.append("             \(report.unlabelled) without a class") }
    return lines
  }

  private var unreadable: [String] {
    guard report.unreadableCount > 0 else { return report.isComplete ? ["  unreadable none"] : [] }
    return Self.list("unreadable", report.unreadable.map(\.reason), of: report.unreadableCount)
  }

  private var skipped: [String] {
    report.skippedCount > 0 ? Self.list("left out  ", report.skipped.map(\.description), of: report.skippedCount) : []
  }

  private static func list(_ title: String, _ reasons: [String], of count: Int) -> [String] {
    var lines = ["  \(title) \(count)"]
    lines += reasons.prefix(mostReasons).map { "             \($0)" }
    let rest = count - min(reasons.count, mostReasons)
    if rest > 0 { lines.append("             and \(rest) more; --json shows up to 1000") }
    return lines
  }
}
