import Checkpoints
import Failures
import Foundation
import Networks
import Tensors
import Testing

@testable import Workflows

@Suite("Network benchmark", .serialized) struct BenchmarkTests {
  /// A network whose passes take milliseconds.
  private static var tiny: BenchmarkSubject {
    var network = ADMUNet.Recipe()
    network.modelChannels = 32
    network.channelMult = [1]
    network.numResBlocks = 1
    network.attentionResolutions = []
    return BenchmarkSubject(
      name: "tiny", network: network, facts: NetworkInputSpec(channels: 3, outputChannels: 3, height: 8, width: 8, classRows: 5))
  }

  private func request(repeats: Int, compiles: Bool = false) -> BenchmarkRequest {
    var request = BenchmarkRequest()
    request.subject = Self.tiny
    request.batch = 2
    request.repeats = repeats
    request.compiles = compiles
    return request
  }

  /// Runs a whole benchmark, with the shell script `script` as the PyTorch side.
  private func run(_ request: BenchmarkRequest, script: String?) throws -> BenchmarkReport {
    let folder = try ScratchFolder()
    if let script { _ = try folder.write(script, to: "scripts/bench_pytorch.py") }
    let search = BenchmarkSearch(environment: ["SFUMATO_PYTHON": "/bin/sh"], program: "/nowhere/sfumato", workingFolder: folder.path)
    let benchmark = try Benchmark(request, search: search)
    var shares: [Double] = []
    while let share = try benchmark.next() { shares.append(share) }
    #expect(shares == shares.sorted() && shares.last == 1)
    #expect(benchmark.upcoming == nil)
    return benchmark.report
  }

  @Test func standardNetworkIsThatOfThePublishedBenchmarks() throws {
    let (parameters, operations, output) = try BenchmarkSubject.standard.count(batch: 16)
    #expect(parameters == 7_994_182)
    #expect(abs(operations.flops / 58.4e9 - 1) < 0.001)
    #expect(output == [16, 6, 32, 32])
  }

  @Test func networkComesFromARecipeOrAModel() throws {
    let folder = try ScratchFolder()
    let recipe = try BenchmarkSubject(folder.write(Tiny.recipe, to: "tiny.yaml"))
    let path = try folder.file("tiny.safetensors"), model = try Tiny.model()
    try Tiny.write(model, to: path)
    for subject in [recipe, try BenchmarkSubject(path)] {
      let (parameters, _, output) = try subject.count(batch: 3)
      #expect(parameters == model.network.parameterCount)
      #expect(output == [3, 1, 8, 8])
      #expect(subject.classRows == 11)
    }
    let bare = try folder.file("bare.safetensors")
    try Safetensors.write(StateDict([("w", .ones([1]))]), to: bare)
    #expect(refusal { try BenchmarkSubject(bare) }?.description.contains("contains no recipe") == true)
  }

  @Test func everyWorkloadIsTimedInEveryPrecisionWithItsFloor() throws {
    let report = try run(request(repeats: 4), script: nil)
    let titles = report.results.map { "\($0.workload) \($0.precision)" }
    #expect(titles == ["forward float32", "forward bfloat16", "training float32", "training bfloat16"])
    for result in report.results {
      #expect(result.sfumato.runs.count == 4)
      #expect(result.sfumato.runs.allSatisfy { $0 > 0 })
      let rates = try #require(report.rates.first { $0.precision == result.precision })
      let passes = result.workload == .forward ? [rates.forward] : [rates.forward, rates.inputGradient, rates.weightGradient]
      #expect(abs(result.floor - passes.reduce(0) { $0 + report.operations.total / $1 }) < 1e-9 * result.floor)
      #expect(result.ratio.isFinite)
      #expect(result.eager == nil && result.compiled == nil)
    }
    try expectReasonForMissingPyTorch(report)
    try expectToSurviveJSON(report)
  }

  private func expectReasonForMissingPyTorch(_ report: BenchmarkReport) throws {
    let problem = try #require(report.pytorchProblem)
    #expect(problem.contains("bench_pytorch.py was not found in any folder above the program"))
    #expect(problem.contains("SFUMATO_PYTHON"))
    #expect(report.pytorch == nil)
  }

  private func expectToSurviveJSON(_ report: BenchmarkReport) throws {
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(BenchmarkReport.self, from: data) == report)
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let result = try #require((json["results"] as? [[String: Any]])?.first)
    let median = try #require((result["sfumato"] as? [String: Any])?["median"] as? Double)
    // JSONSerialization rounds numbers in the last place.
    #expect(abs(median - report.results[0].sfumato.median) < 1e-12)
  }

  @Test func pythonWithoutTorchIsReportedWithItsOwnMessage() throws {
    let report = try run(request(repeats: 1), script: #"echo '{"failure": "import torch: No module named torch"}'"#)
    #expect(report.pytorchProblem?.contains("No module named torch") == true)
  }

  @Test func reportIncludesTimesOfPyTorch() throws {
    let parameters = try Self.tiny.count(batch: 2).parameters
    let script = """
      echo '{"torch": "2.13.0+cpu", "python": "3.11.7", "parameters": \(parameters)}'
      while read -r line; do
        case $line in
          *'"count":0'*) echo '{"seconds": [], "preparation": 7.5}' ;;
          *compiled*) echo '{"failure": "no compiler"}' ;;
          *) echo '{"seconds": [0.25, 0.5, 0.125], "preparation": 0}' ;;
        esac
      done
      """
    let report = try run(request(repeats: 3, compiles: true), script: script)
    #expect(report.pytorch?.version == "2.13.0+cpu")
    for result in report.results {
      #expect(result.eager?.times.median == 0.25)
      #expect(result.eager?.preparation == 7.5)
      #expect(result.compiled?.failure == "no compiler")
      #expect(result.compiled?.times.runs == [])
    }
  }

  @Test func crashOfPyTorchKeepsOurTimes() throws {
    let parameters = try Self.tiny.count(batch: 2).parameters
    let script = #"echo '{"torch": "2.13.0", "python": "3.11.7", "parameters": \#(parameters)}'; read -r line; exit 3"#
    let report = try run(request(repeats: 1), script: script)
    #expect(report.results[0].eager?.failure == "the process has ended")
    #expect(report.results.allSatisfy { $0.sfumato.runs.count == 1 })
  }

  @Test func differentNetworkInPyTorchIsReported() throws {
    let report = try run(request(repeats: 1), script: #"echo '{"torch": "2.13.0", "python": "3.11.7", "parameters": 1}'; read -r line"#)
    #expect(report.pytorchProblem?.contains("its network has 1 parameters") == true)
    #expect(report.pytorch == nil)
  }

  @Test func launcherSettingsDoNotReachPyTorch() {
    let ours = ["OMP_WAIT_POLICY": "PASSIVE", "LD_LIBRARY_PATH": "/opt/torch/lib:/opt/other", "GOMP_SPINCOUNT": "1000", "HOME": "/h"]
    let theirs = PythonChild.environment(ours, libtorch: "/opt/torch/lib/libtorch_cpu.so")
    #expect(theirs == ["LD_LIBRARY_PATH": "/opt/other", "HOME": "/h"])
    let chosen = PythonChild.environment(["GOMP_SPINCOUNT": "0"], libtorch: "/opt/torch/lib/libtorch_cpu.so")
    #expect(chosen == ["GOMP_SPINCOUNT": "0"])
    let alone = PythonChild.environment(["LD_LIBRARY_PATH": "/opt/torch/lib"], libtorch: "/opt/torch/lib/libtorch_cpu.so")
    #expect(alone == [:])
  }

  @Test func medianIsTheMiddleOrTheMeanOfTheTwoMiddleValues() {
    #expect(BenchmarkReport.Times([3, 1, 2]).median == 2)
    #expect(BenchmarkReport.Times([4, 1, 2, 3]).median == 2.5)
    #expect(BenchmarkReport.Times([]).median.isNaN)
    #expect(Benchmark.turns(7) == [3, 3, 1])
  }

  @Test(arguments: [(0, 1), (1, 0), (-3, 1)]) func invalidRequestIsRefused(batch: Int, repeats: Int) {
    var request = request(repeats: repeats)
    request.batch = batch
    #expect(throws: SfumatoError.self) { try Benchmark(request) }
  }

  // MARK: Everything that ships

  /// A folder that looks like a clone: one model, and recipes with data, without data, and of a size that only the data say.
  private func clone() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    _ = try folder.write(Tiny.recipe, to: "recipes/a.yaml")
    let absent =
      "data: { type: folder, path: nowhere }\n"
      + "network: { type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }\n"
    _ = try folder.write(absent + "images: { size: 8, channels: 3 }\n", to: "recipes/b.yaml")
    _ = try folder.write(absent, to: "recipes/c.yaml")
    try FileManager.default.createDirectory(atPath: folder.path + "/models", withIntermediateDirectories: true)
    try Tiny.write(Tiny.model(), to: folder.path + "/models/m.safetensors")
    return folder
  }

  private func shipped(_ folder: ScratchFolder, _ request: ShippedBenchmarkRequest) throws -> ShippedBenchmark {
    let search = BenchmarkSearch(environment: ["SFUMATO_PYTHON": "/bin/sh"], program: "/nowhere/sfumato", workingFolder: folder.path)
    return try ShippedBenchmark(request, search: search)
  }

  @Test func everyModelAndRecipeIsTimedAtEveryBatch() throws {
    let folder = try clone()
    var request = ShippedBenchmarkRequest()
    (request.batches, request.compiledBatches, request.repeats) = ([1, 2], [], 1)
    let benchmark = try shipped(folder, request)
    var shares: [Double] = []
    while let share = try benchmark.next() { shares.append(share) }
    #expect(shares == shares.sorted() && shares.last == 1 && benchmark.upcoming == nil)
    let report = benchmark.report
    let names = report.rows.map { "\($0.name.split(separator: "/").last ?? "") \($0.batch)" }
    #expect(names == ["m.safetensors 1", "m.safetensors 2", "a.yaml 1", "a.yaml 2", "b.yaml 1", "b.yaml 2"])
    #expect(report.rows.allSatisfy { $0.results.map { "\($0.workload) \($0.precision)" } == ["forward float32", "training float32"] })
    #expect(report.rows.flatMap(\.results).allSatisfy { $0.sfumato.runs.count == 1 && $0.ratio.isFinite })
    #expect(report.slower == 0)
    #expect(report.leftOut.count == 1 && report.leftOut[0].contains("c.yaml") && report.leftOut[0].contains("nowhere"))
    #expect(try JSONDecoder().decode(ShippedBenchmarkReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func rowsThatWouldTakeMinutesAreLeftOutByName() throws {
    var request = ShippedBenchmarkRequest()
    request.limit = 1
    let benchmark = try shipped(clone(), request)
    #expect(try benchmark.next() == nil)
    #expect(benchmark.report.leftOut.count == 3 * 4 + 1)
    #expect(benchmark.report.leftOut[0].contains("batch 1") && benchmark.report.leftOut[0].contains("GFLOP"))
  }

  @Test func withoutAnythingToTimeItSaysWhereItLooked() throws {
    let error = refusal { try shipped(ScratchFolder(), ShippedBenchmarkRequest()) }
    #expect(error?.failure == .missing)
    #expect(error?.description.contains("models/ and recipes/") == true)
  }
}
