import Datasets
import Foundation
import Imaging
import Testing

@testable import Workflows

@Suite("Data loading benchmark", .serialized) struct DataBenchmarkTests {
  private func run(source: String? = nil, script: String? = nil) throws -> DataBenchmarkReport {
    let folder = try ScratchFolder()
    if let script { _ = try folder.write(script, to: "scripts/bench_data_pytorch.py") }
    let search = BenchmarkSearch(environment: ["SFUMATO_PYTHON": "/bin/sh"], program: "/nowhere/sfumato", workingFolder: folder.path)
    var request = DataBenchmarkRequest()
    (request.source, request.workers, request.batch, request.repeats, request.seconds) = (source, 2, 2, 3, 0.01)
    (request.tile, request.small, request.photographs, request.smallPictures, request.photographHeight) = (12, 8, 2, 3, 24)
    let benchmark = try DataBenchmark(request, search: search)
    var shares: [Double] = []
    while let share = try benchmark.next() { shares.append(share) }
    #expect(shares == shares.sorted() && shares.last == 1 && benchmark.upcoming == nil)
    return benchmark.report
  }

  @Test func timesBothKindsOfGeneratedPictures() throws {
    let report = try run()
    #expect(report.results.map(\.fit) == ["tile", "center_crop"])
    #expect(report.results.map(\.pictures) == [2, 3])
    for result in report.results {
      #expect(result.sfumato.runs.count == 3 && result.sfumato.runs.allSatisfy { $0 > 0 })
      #expect(result.bytes > 0 && result.pytorch == nil && result.advantage == nil)
    }
    #expect(report.pytorchProblem?.contains("scripts/bench_data_pytorch.py was not found in any folder above the program") == true)
    #expect(try JSONDecoder().decode(DataBenchmarkReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func usesTilesOfSufficientlyLargePictures() throws {
    let folder = try ScratchFolder()
    try NoiseScene.image(height: 12, width: 20, seed: 1).write(to: folder.file("large.png"))
    try NoiseScene.image(height: 11, width: 20, seed: 2).write(to: folder.file("low.png"))
    #expect(try run(source: folder.path).results.map(\.pictures) == [1])
    try FileManager.default.removeItem(atPath: folder.file("large.png"))
    let small = try run(source: folder.path).results
    #expect(small.map(\.fit) == ["center_crop"] && small[0].size == 8)
    let empty = try ScratchFolder()
    #expect(refusal { try run(source: empty.path) }?.description == "\(empty.path) contains no pictures")
    #expect(refusal { try run(source: "\(empty.path)/none") }?.failure == .missing)
  }

  @Test func alternatesWithPyTorchOnTheSamePictures() throws {
    let script = """
      echo '{"torch": "2.0", "python": "3.0", "pillow": "1.0"}'
      while read line; do
        case "$line" in *files*) case "$line" in *'"size":'*) echo '{"rate": 1}';; esac;; *) echo '{"rate": 10}';; esac
      done
      """
    let report = try run(script: script)
    #expect(report.pytorch?.pillow == "1.0" && report.pytorchProblem == nil)
    for result in report.results {
      #expect(result.pytorch?.runs == [10, 10, 10])
      #expect(abs(try #require(result.advantage) - result.sfumato.median / 10) < 1e-12)
    }
  }

  @Test func continuesWhenPyTorchFails() throws {
    let report = try run(script: "echo '{\"torch\": \"2.0\"}'; read line; echo '{\"failure\": \"no memory\"}'")
    #expect(report.results.map(\.pytorchFailure) == ["no memory", "the process has ended"])
    #expect(report.results.allSatisfy { $0.pytorch == nil && $0.sfumato.runs.count == 3 })
    #expect(try run(script: "exit 1").pytorchProblem?.contains("ended without an answer") == true)
  }

  @Test func ratesAreSummarisedByTheirMedian() {
    let rates = DataBenchmarkReport.Rates([3, 1, 2, 10])
    #expect((rates.slowest, rates.median, rates.fastest) == (1, 2.5, 10))
  }
}
