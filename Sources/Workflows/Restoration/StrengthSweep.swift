import Checkpoints
import Failures
import Foundation
import Imaging

/// `--sweep`: the middle of one picture, restored at several strengths of each corruption, on one sheet; pulled.
public final class StrengthSweep {
  /// The strengths of the columns.
  public static let strengths = [0, 0.25, 0.5, 0.75, 1]
  /// Side of the detail, in pixels of the result.
  public static let side = 192

  public let file: String
  private let restorer: Restorer
  private let names: [String], first: [Double]
  /// The degraded detail at the size that the network reads.
  private let degraded: MappedPicture
  private let folder: String
  /// Rows and columns of the sheet that are left, the next one last.
  private var waiting: [(row: Int, column: Int)]
  private let total: Int
  private var pictures: [Image] = []
  private var run: (run: RestorationRun, result: MappedPicture)?

  /// - Parameters:
  ///   - file: the sheet.
  ///   - picture: its file.
  /// - Throws: `SfumatoError` for a folder, a model without strengths, and a sheet that cannot be written; `ImagingError` for a
  ///   picture that cannot be read.
  public init(_ file: String, of picture: String, _ request: RestorationRequest, model: String, settings: Restorer.Settings) throws {
    do { _ = try ImageFormat(forFile: file) } catch { throw SfumatoError(.usage, "\(error)") }
    guard PicturePath.isFolder(picture) != true else {
      throw SfumatoError(.usage, "\(picture) is a folder; a sweep shows one picture")
    }
    guard file.fileIdentity != picture.fileIdentity else {
      throw SfumatoError(.usage, "\(file): the sheet would overwrite the picture; name another file")
    }
    try request.check()
    try OutputFile.check(file)
    self.file = file
    restorer = try Restorer(model, settings: settings)
    let context = try RestorationContext(request, restorer, settings, model: model)
    let names = restorer.strengthNames.filter { $0 != StrengthChoice.reduction }
    guard !names.isEmpty else { throw SfumatoError(.usage, "the model has no strengths to be shown") }
    self.names = names
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-sweep-\(UUID().uuidString)").path
    try RestorationScratch.make(folder)
    let source: RestorationSource
    do {
      source = try RestorationSource(picture, profile: request.profile)
      (degraded, first) = try Self.detail(of: source, request, context, in: folder)
    } catch {
      RestorationScratch.remove(folder)
      throw error
    }
    waiting = names.indices.flatMap { row in Self.strengths.indices.map { (row, $0) } }.reversed()
    total = waiting.count
  }

  deinit { RestorationScratch.remove(folder) }

  /// The middle of the picture in the network's channels, enlarged for the first pass, and the strengths of the request.
  private static func detail(
    of source: RestorationSource, _ request: RestorationRequest, _ context: RestorationContext, in folder: String
  ) throws -> (MappedPicture, [Double]) {
    let planes = try RestorationPlanes(
      source.decoded(at: "\(folder)/decoded"), channels: context.restorer.data.channels, in: folder)
    let reduction = context.restorer.method.strengthScales.reductionFactor, enlarged = min(request.scale, reduction),
      factor = context.restorer.factor
    let (rows, columns) = planes.colors.center(side: max(1, Int(Double(side) / (factor > 1 ? Double(factor) : enlarged))))
    let small = planes.colors.part(rows: rows, columns: columns)
    let passes = RestorationPasses(width: columns.count, height: rows.count, scale: enlarged, factor: factor, reduction: reduction)
    let pass = passes.passes[0]
    func mapped(_ name: String, _ width: Int, _ height: Int) throws -> MappedPicture {
      try MappedPicture(
        at: "\(folder)/\(name)", width: width, height: height, channels: planes.colors.channels, samples: planes.colors.samples)
    }
    let crop = try mapped("crop", columns.count, rows.count), degraded = try mapped("degraded", pass.width, pass.height)
    crop.put(small, row: 0)
    crop.resample(into: degraded, .bicubic)
    let strengths = context.choice.strengths(jpegQuality: source.jpegQuality)
    return (degraded, passes.strengths(strengths, names: context.choice.names, pass: 0))
  }

  /// Takes a step of one detail.
  /// - Returns: the completed fraction; nil when all are done.
  public func next() throws -> Double? {
    guard let cell = waiting.last else { return nil }
    let work = try run ?? begin(cell)
    run = work
    let done = Double(total - waiting.count)
    if let share = try work.run.next() { return (done + share) / Double(total) }
    pictures.append(work.result.part(rows: 0..<work.result.height).narrow)
    run = nil
    waiting.removeLast()
    RestorationScratch.remove("\(folder)/canvas")
    return (done + 1) / Double(total)
  }

  private func begin(_ cell: (row: Int, column: Int)) throws -> (run: RestorationRun, result: MappedPicture) {
    var strengths = first
    if let index = restorer.strengthNames.firstIndex(of: names[cell.row]) { strengths[index] = Self.strengths[cell.column] }
    let result = try MappedPicture(
      at: "\(folder)/restored", width: degraded.width * restorer.factor, height: degraded.height * restorer.factor,
      channels: degraded.channels, samples: degraded.samples)
    try RestorationScratch.make("\(folder)/canvas")
    let run = try RestorationRun(
      degraded, strengths: strengths, by: restorer, into: result, scratch: "\(folder)/canvas",
      identity: "sweep-\(cell.row)-\(cell.column)")
    return (run, result)
  }

  /// Writes the sheet: a row for each corruption, a column for each strength.
  public func write() throws {
    var sheet = PictureSheet(pictures, columns: Self.strengths.count)
    sheet.columnTitles = Self.strengths.map { String(format: "%g", $0) }
    sheet.rowTitles = names
    sheet.textScale = 2
    try sheet.draw().write(to: file)
  }
}
