/// The name that was probably meant.
public enum Suggestion {
  /// The candidate fewest edits away from what was written; nil where none is less than four away, or where nothing would be left
  /// of the word. The first one wins a tie. Capitals do not count.
  public static func nearest(to written: String, among candidates: [String]) -> String? {
    var best: (name: String, distance: Int)?
    for candidate in candidates where abs(candidate.count - written.count) < 4 {
      let distance = editDistance(written.lowercased(), candidate.lowercased())
      if distance < min(4, max(written.count, candidate.count)), distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// The end of an error's sentence: `did you mean 'ddim'?`, or all that would be accepted.
  public static func phrase(for written: String, among candidates: [String]) -> String {
    if let name = nearest(to: written, among: candidates) { return "did you mean '\(name)'?" }
    return candidates.isEmpty ? "none is known" : "known: \(candidates.joined(separator: ", "))"
  }

  /// Levenshtein's distance: insertions, deletions and substitutions of one character.
  public static func editDistance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (i, x) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in second.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal : min(diagonal, row[j], above) + 1
        diagonal = above
      }
    }
    return row[second.count]
  }
}
