import Foundation
import Tensors
import Testing

/// What the library gives for a manifest.
struct Reproduction {
  /// Every tensor of role output or intermediate, by its name.
  var tensors: [String: Tensor] = [:]
  /// For each error case, in order, the error with which it was refused; nil when it was not.
  var refusals: [String?] = []
  /// Elements that the manifest says to leave out in another way than by `leave_out`.
  var leftOut: [String: Set<Int>] = [:]

  init() {}

  /// Runs an error case and takes down how it was refused.
  /// - Throws: when the case itself is not understood.
  mutating func refuse(_ body: () throws -> Void) throws {
    do {
      try body()
      refusals.append(nil)
    } catch let error as ReferenceError {
      throw error
    } catch {
      refusals.append("\(error)")
    }
  }
}

/// A set of the reference, made anew by the library.
protocol ReferenceSet {
  var number: Int { get }
  /// - Throws: `ReferenceError` when something in the manifest is not understood.
  func reproduce(_ manifest: Manifest) throws -> Reproduction
}

/// The outcome of comparing.
struct Examination {
  var wanted = 0, compared = 0
  var exempt: [String] = [], complaints: [String] = []

  /// Compares everything that a manifest wants.
  init(_ manifest: Manifest, _ reproduction: Reproduction) {
    for entry in manifest.entries where entry.isWanted {
      wanted += 1
      compare(entry, of: manifest, reproduction)
    }
    for name in reproduction.tensors.keys.sorted() where !manifest.entries.contains(where: { $0.name == name && $0.isWanted }) {
      complaints.append("\(manifest.name): '\(name)' was made, but nothing of the kind is recorded")
    }
    for (index, errorCase) in manifest.errorCases.enumerated() {
      examine(errorCase, index, of: manifest, reproduction)
    }
  }

  private mutating func compare(_ entry: Manifest.Entry, of manifest: Manifest, _ reproduction: Reproduction) {
    do {
      guard let got = reproduction.tensors[entry.name], var tolerance = entry.tolerance else {
        throw ReferenceError("was not reproduced")
      }
      tolerance.leftOut.formUnion(reproduction.leftOut[entry.name] ?? [])
      for listed in Exemptions.elements where listed.set == manifest.set && listed.tensor == entry.name {
        guard manifest.name.hasPrefix(listed.run) else { continue }
        tolerance.leftOut.formUnion(listed.indices)
        exempt.append("\(manifest.name): \(entry.name), elements \(listed.indices.sorted()): \(listed.reason)")
      }
      if let complaint = try tolerance.complaint(got: got, want: want(entry, of: manifest)) { throw ReferenceError(complaint) }
      compared += 1
    } catch {
      complaints.append("\(manifest.name): \(entry.name): \(error)")
    }
  }

  /// What was recorded, put right where a mistake of the reference is listed.
  private mutating func want(_ entry: Manifest.Entry, of manifest: Manifest) throws -> Tensor {
    for correction in Exemptions.corrections where correction.set == manifest.set {
      if let corrected = try correction.corrected(manifest, entry) {
        exempt.append("\(manifest.name): \(entry.name), in part: \(correction.reason)")
        return corrected
      }
    }
    return try manifest.tensor(entry.name)
  }

  private mutating func examine(_ errorCase: JSON, _ index: Int, of manifest: Manifest, _ reproduction: Reproduction) {
    let listed = Exemptions.refusals.first { $0.set == manifest.set && $0.covers(errorCase) }
    if let listed {
      exempt.append("\(manifest.name): \(errorCase): \(listed.reason)")
      return
    }
    wanted += 1
    if reproduction.refusals.indices.contains(index), reproduction.refusals[index] != nil {
      compared += 1
    } else {
      complaints.append("\(manifest.name): was not refused: \(errorCase)")
    }
  }

  static func += (a: inout Examination, b: Examination) {
    a.wanted += b.wanted
    a.compared += b.compared
    a.exempt += b.exempt
    a.complaints += b.complaints
  }

  private init() {}

  /// Compares a whole set.
  init(_ set: some ReferenceSet, in folder: ReferenceFolder) {
    self.init()
    do {
      for manifest in try folder.manifests(of: set.number) {
        if let subject = Exemptions.subjects.first(where: { $0.set == set.number && $0.covers(manifest) }) {
          exempt.append("\(manifest.name): \(subject.reason)")
          continue
        }
        // The references were computed with libtorch's own convolutions.
        do { self += Examination(manifest, try withExactConvolutions { try set.reproduce(manifest) }) } catch {
          complaints.append("\(manifest.name): \(error)")
        }
      }
    } catch {
      complaints.append("set \(set.number): \(error)")
    }
    if wanted == 0 { complaints.append("set \(set.number): there was nothing to compare") }
  }

  /// Compares a set of the folder in use, and tells the test what is off.
  static func check(_ set: some ReferenceSet) throws {
    let examination = try Examination(set, in: .located())
    print("Reference set \(set.number): compared \(examination.compared) of \(examination.wanted)")
    for exempt in examination.exempt { print("Reference set \(set.number): exempt: \(exempt)") }
    for complaint in examination.complaints { Issue.record(Comment(rawValue: complaint)) }
    #expect(examination.compared == examination.wanted)
  }
}
