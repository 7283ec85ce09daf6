/// The YAML key of a Swift name: a new word begins at a capital that follows a small letter or a digit, and at the last
/// capital of a run when a small letter follows it. Digits begin no word.
///
///     numResBlocks -> num_res_blocks   x0 -> x0   x0Weight -> x0_weight   minSNRGamma -> min_snr_gamma   useCFG -> use_cfg
public func snakeCase(_ name: String) -> String {
  let letters = Array(name)
  var result = ""
  for (index, letter) in letters.enumerated() {
    if letter.isUppercase, index > 0, letters[index - 1] != "_" {
      let endsRun = index + 1 < letters.count && letters[index + 1].isLowercase
      if !letters[index - 1].isUppercase || endsRun { result += "_" }
    }
    result += letter.lowercased()
  }
  return result
}
