import Datasets
import Failures
import Foundation
import Imaging
import Testing

@testable import Workflows

@Suite("Inspecting data") struct DataInspectionTests {
  private struct Broken: Error {}

  /// Pictures of given sizes; a size of zero stands for an unreadable picture.
  private struct Sizes: Dataset {
    var sizes: [(height: Int, width: Int)]
    var labels: [Int?] = []
    var classNames: [String] = []
    var count: Int { sizes.count }
    var shape: ImageShape? { nil }
    var channels: Int { 3 }

    subscript(index: Int) -> Picture {
      get throws {
        let (height, width) = sizes[index]
        if height == 0 { throw Broken() }
        let color = [UInt8](repeating: UInt8(index % 256), count: index % 2 == 0 ? 1 : 3)
        return Picture(
          .pixels(Image(width: width, height: height, color: color)), label: labels.isEmpty ? nil : labels[index], name: "\(index)")
      }
    }
  }

  private func report(_ set: Sizes) -> (DataReport, DataInspection) {
    let inspection = DataInspection("set", set, kind: "sizes")
    while inspection.next() != nil {}
    return (inspection.report, inspection)
  }

  @Test func sizesAreOrderedByArea() {
    // Areas 6, 8, 100, none, 8, 9: the median of five is the third, 8.
    let (report, _) = report(Sizes(sizes: [(2, 3), (8, 1), (10, 10), (0, 0), (1, 8), (3, 3)]))
    #expect(report.sizes?.smallest == DataReport.Size(height: 2, width: 3))
    #expect(report.sizes?.median == DataReport.Size(height: 8, width: 1))
    #expect(report.sizes?.largest == DataReport.Size(height: 10, width: 10) && report.sizes?.different == 5)
    #expect(report.channels == [DataReport.ChannelCount(channels: 1, count: 3), DataReport.ChannelCount(channels: 3, count: 2)])
    #expect(report.unreadableCount == 1 && report.unreadable == [DataReport.Unreadable(index: 3, reason: "Broken()")])
    #expect(report.classes.isEmpty && report.unlabelled == 5 && report.count == 6)
    let even = self.report(Sizes(sizes: [(1, 1), (1, 2), (1, 3), (1, 4)])).0
    #expect(even.sizes?.median.width == 2)
  }

  @Test func countsIncludeEmptyClassesAndUnlabelledPictures() {
    let set = Sizes(sizes: Array(repeating: (2, 2), count: 5), labels: [2, 0, nil, 2, 2], classNames: ["a", "b", "c"])
    let (report, _) = report(set)
    #expect(report.classes.map(\.count) == [1, 0, 3] && report.classes.map(\.name) == ["a", "b", "c"] && report.unlabelled == 1)
  }

  @Test func severalStepsKeepTheOrder() {
    let set = Sizes(sizes: (0..<700).map { $0 % 100 == 7 ? (0, 0) : (1, 1) })
    #expect(report(set).0.unreadable.map(\.index) == [7, 107, 207, 307, 407, 507, 607])
  }

  @Test func sheetHasARowForEachClassWithPictures() throws {
    let set = Sizes(sizes: [(200, 100), (4, 4), (0, 0), (4, 6)], labels: [0, 2, 2, 2], classNames: ["a", "b", "c"])
    let image = try report(set).1.sheet()
    // Two rows of cells as high as the largest shown picture, with 3 pixels around them.
    #expect(image.height == 3 + 2 * (96 + 3))
    let bare = try report(Sizes(sizes: Array(repeating: (10, 10), count: 13))).1.sheet()
    #expect(bare.width == 3 + 12 * 53 && bare.height == 3 + 2 * 53)
    #expect(throws: SfumatoError.self) { try report(Sizes(sizes: [(0, 0)])).1.sheet() }
  }

  @Test func valuesKeepTheOrderOfTheirIndices() {
    #expect(DataInspection.onAllCores(5..<500) { $0 * 2 } == (5..<500).map { $0 * 2 })
    #expect(DataInspection.onAllCores(3..<3) { $0 }.isEmpty)
  }
}
