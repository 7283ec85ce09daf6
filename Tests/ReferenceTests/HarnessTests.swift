import Foundation
import Tensors
import Testing

/// The sets that the library can make anew.
enum ReferenceSets {
  static var all: [any ReferenceSet] {
    [
      ScheduleReferenceSet(), RespacingReferenceSet(), GaussianOpsReferenceSet(), UNetReferenceSet(), SampleLoopReferenceSet(),
      SchedulerReferenceSet(), TrainingReferenceSet(), UpscalerReferenceSet(), DiffusersFolderReferenceSet(),
      MetricsReferenceSet(),
    ]
  }
}

@Suite("Reference harness") struct ReferenceHarnessTests {
  @Test func everySetIsEitherComparedOrListedAsNotBuilt() throws {
    let built = Set(ReferenceSets.all.map(\.number))
    #expect(built.isDisjoint(with: Exemptions.sets.keys))
    for set in try ReferenceFolder.located().sets {
      #expect(built.contains(set.number) || Exemptions.sets[set.number] != nil, "nothing compares set \(set.number)")
      if let reason = Exemptions.sets[set.number] { print("Reference set \(set.number): not built: \(reason)") }
    }
  }

  /// The manifests of a set whose subject is built.
  private func comparable(_ set: any ReferenceSet) throws -> [Manifest] {
    try ReferenceFolder.located().manifests(of: set.number).filter { manifest in
      !Exemptions.subjects.contains { $0.set == set.number && $0.covers(manifest) }
    }
  }

  /// One element of each manifest, ten tolerances off, or to the next number where none is allowed.
  @Test func oneElementThatIsTenTolerancesOffIsFound() throws {
    for set in ReferenceSets.all {
      var moved = 0
      for manifest in try comparable(set) {
        guard let entry = manifest.entries.last(where: \.isWanted), let tolerance = entry.tolerance else { continue }
        var reproduction = try set.reproduce(manifest)
        tolerance.move(&reproduction.tensors[entry.name]!, sparing: reproduction.leftOut[entry.name] ?? [])
        let complaints = Examination(manifest, reproduction).complaints
        #expect(complaints.count == 1)
        #expect(complaints.first?.hasPrefix("\(manifest.name): \(entry.name): element ") == true, "\(complaints)")
        moved += 1
      }
      #expect(moved > 0, "set \(set.number)")
    }
  }

  @Test func anErrorCaseThatIsNotRefusedIsFound() throws {
    for set in ReferenceSets.all {
      for manifest in try comparable(set) {
        let index = manifest.errorCases.firstIndex { errorCase in
          !Exemptions.refusals.contains { $0.set == set.number && $0.covers(errorCase) }
        }
        guard let index else { continue }
        var reproduction = try set.reproduce(manifest)
        reproduction.refusals[index] = nil
        let complaints = Examination(manifest, reproduction).complaints
        #expect(complaints.count == 1 && complaints[0].contains("was not refused"), "\(complaints)")
      }
    }
  }

  @Test func aTensorThatIsMissingOrTooManyOrOfAnotherShapeIsFound() throws {
    let manifest = try #require(try ReferenceFolder.located().manifests(of: 1).first { $0.config["schedule"] != nil })
    let whole = try ScheduleReferenceSet().reproduce(manifest)
    var spoilt = whole
    spoilt.tensors["betas"] = nil
    #expect(Examination(manifest, spoilt).complaints == ["\(manifest.name): betas: was not reproduced"])
    spoilt = whole
    spoilt.tensors["gammas"] = .ones([1])
    #expect(Examination(manifest, spoilt).complaints.count == 1)
    spoilt = whole
    spoilt.tensors["betas"] = spoilt.tensors["betas"]!.slice(0, 1..<5)
    #expect(Examination(manifest, spoilt).complaints.first?.contains("its shape is [4]") == true)
    spoilt = whole
    spoilt.tensors["betas"] = spoilt.tensors["betas"]! * Double.nan
    #expect(Examination(manifest, spoilt).complaints.count == 1)
  }

  @Test func aFolderThatIsMissingOrEmptyFails() throws {
    let folder = URL.temporaryDirectory.appending(path: UUID().uuidString)
    #expect(throws: ReferenceError.self) { try ReferenceFolder(folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: ReferenceError.self) { try ReferenceFolder(folder) }
    try Data(#"{"sets": []}"#.utf8).write(to: folder.appending(path: "index.json"))
    #expect(throws: ReferenceError.self) { try ReferenceFolder(folder) }
    try Data(#"{"sets": [{"set": 1, "folder": "schedules", "manifests": ["linear.json"]}]}"#.utf8)
      .write(to: folder.appending(path: "index.json"))
    let listed = try ReferenceFolder(folder)
    #expect(!Examination(ScheduleReferenceSet(), in: listed).complaints.isEmpty)
    #expect(!Examination(RespacingReferenceSet(), in: listed).complaints.isEmpty)
  }

  @Test(arguments: [
    #"{"manifest_version": 2}"#,
    #"{"manifest_version": 1, "tensors": {"a": {"shape": [1], "dtype": "F32", "role": "output", "rtol": 0}}}"#,
    #"{"manifest_version": 1, "tensors": {"a": {"shape": [1], "dtype": "F32", "role": "outcome", "atol": 0, "rtol": 0}}}"#,
    #"{"manifest_version": 1, "tensors": {"a": {"shape": [1], "dtype": "F4", "role": "output", "atol": 0, "rtol": 0}}}"#,
    #"{"manifest_version": 1, "tensors": {"a": {"shape": [1], "dtype": "F32", "role": "input", "units": "m"}}}"#,
    #"{"manifest_version": 1, "tensors": {"a": {"shape": [1], "dtype": "F32", "role": "input"}}}"#,
  ]) func aManifestThatIsNotUnderstoodFails(text: String) throws {
    #expect(throws: ReferenceError.self) { try manifest(text) }
  }

  @Test(arguments: [
    #"{"manifest_version": 1, "weather": "fine"}"#,
    #"{"manifest_version": 1, "error_cases": [{"gammas": [1]}]}"#,
  ]) func aMemberOrAnArgumentThatIsNotUnderstoodFails(text: String) throws {
    let manifest = try manifest(text)
    #expect(throws: ReferenceError.self) { try ScheduleReferenceSet().reproduce(manifest) }
    #expect(throws: ReferenceError.self) { try RespacingReferenceSet().reproduce(manifest) }
    #expect(throws: ReferenceError.self) { try SampleLoopReferenceSet().reproduce(manifest) }
  }

  func manifest(_ text: String) throws -> Manifest {
    let folder = URL.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(text.utf8).write(to: folder.appending(path: "m.json"))
    return try Manifest(name: "m.json", set: 1, folder: folder)
  }

  @Test func tolerancesOfRowsAndColumnsHoldForTheirOwn() throws {
    let want = Tensor([0.0, 0, 0, 0], [2, 2]), got = Tensor([0.0, 0.5, 0, 0.5], [2, 2])
    let tolerance = { (text: String) in
      try Tolerance(JSONDecoder().decode(JSON.self, from: Data(text.utf8)), shape: [2, 2], of: "a")
    }
    #expect(try tolerance(#"{"atol_columns": [0, 0.6], "rtol": 0}"#).complaint(got: got, want: want) == nil)
    #expect(try tolerance(#"{"atol_rows": [0.6, 0], "rtol": 0}"#).complaint(got: got, want: want)?.hasPrefix("element 3") == true)
    #expect(try tolerance(#"{"atol": 0, "rtol": 0, "leave_out": [1, 3]}"#).complaint(got: got, want: want) == nil)
    #expect(throws: ReferenceError.self) { try tolerance(#"{"atol_rows": [1, 1, 1], "rtol": 0}"#) }
  }
}

extension Tolerance {
  /// Moves the first element that is compared, by ten tolerances, or to the next number where there is none.
  fileprivate func move(_ tensor: inout Tensor, sparing spared: Set<Int>) {
    var values = try! tensor.doubles()
    let index = values.indices.first { !leftOut.contains($0) && !spared.contains($0) }!
    let step = 10 * allowed(index, want: values[index], count: values.count)
    if step > 0 { values[index] += step } else { values[index] = tensor.dtype == .int64 ? values[index] + 1 : values[index].nextUp }
    tensor = Tensor(values, tensor.shape)
  }
}
