import Datasets
import Failures
import Imaging

/// A contact sheet of a data set: a row for each class, with its name and count, or plain rows without classes. The pictures of a
/// row are evenly spaced in the set.
struct DataSheet {
  private let dataset: any Dataset
  /// Each row's pictures and title; no titles without classes.
  private var rows: [[Int]] = []
  private var titles: [String] = []
  private let columns: Int

  /// The most classes shown.
  private static let mostRows = 64
  private static let columnsOfClass = 10, columnsWithoutClasses = 12
  /// Pictures with longer sides are downscaled, those with shorter ones magnified.
  private static let longestSide = 96, shortestSide = 48

  /// - Parameter members: indices by class, those without a class last.
  init(_ dataset: any Dataset, members: [[Int]]) {
    self.dataset = dataset
    let classes = zip(dataset.classNames, members).filter { !$1.isEmpty }.prefix(Self.mostRows)
    guard !classes.isEmpty else {
      columns = Self.columnsWithoutClasses
      let all = Self.evenly(members.last ?? [], Self.columnsWithoutClasses * Self.columnsWithoutClasses)
      rows = stride(from: 0, to: all.count, by: columns).map { Array(all[$0..<min($0 + columns, all.count)]) }
      return
    }
    columns = Self.columnsOfClass
    for (name, indices) in classes {
      rows.append(Self.evenly(indices, Self.columnsOfClass))
      titles.append("\(name) (\(indices.count))")
    }
  }

  /// - Throws: `SfumatoError` when there is nothing to show, `ImagingError`.
  func draw() throws -> Image {
    guard !rows.isEmpty else { throw SfumatoError(.data, "no picture can be read, so there is nothing to show on a sheet") }
    let dataset = dataset, indices = rows.joined().map { $0 }
    let read = DataInspection.onAllCores(0..<indices.count) { place in
      Result { try Self.cell(try dataset[indices[place]].image()) }
    }
    let blank = Image(width: 1, height: 1, color: [Self.ground])
    var pictures: [Image] = [], at = 0
    for row in rows {
      // A picture that turns out unreadable, for only its header was read before, leaves its cell empty.
      pictures += read[at..<(at + row.count)].map { (try? $0.get()) ?? blank }
      pictures += Array(repeating: blank, count: columns - row.count)
      at += row.count
    }
    let channels = pictures.contains { $0.channels == 3 } ? 3 : 1
    var sheet = PictureSheet(pictures, columns: columns)
    sheet.rowTitles = titles
    sheet.background = [UInt8](repeating: Self.ground, count: channels)
    let longest = max(1, pictures.map { max($0.width, $0.height) }.max() ?? 1)
    sheet.scale = (Self.shortestSide + longest - 1) / longest
    sheet.padding = 3
    return try sheet.draw()
  }

  private static let ground: UInt8 = 40

  /// The picture downscaled to fit a cell, over white where it is transparent.
  private static func cell(_ image: Image) throws -> Image {
    let image = image.flattened(over: [UInt8](repeating: 255, count: image.channels < 3 ? 1 : 3))
    let longest = max(image.width, image.height)
    guard longest > longestSide else { return image }
    func shrunk(_ side: Int) -> Int { max(1, side * longestSide / longest) }
    return try image.resized(width: shrunk(image.width), height: shrunk(image.height), filter: .box)
  }

  private static func evenly(_ indices: [Int], _ wanted: Int) -> [Int] {
    let count = min(wanted, indices.count)
    return (0..<count).map { indices[$0 * indices.count / count] }
  }
}
