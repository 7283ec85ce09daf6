import RecipeKit

extension Recipe {
  /// Requires each number that is given to lie between 1 and its limit.
  func requireCounts(_ counts: [(key: String, value: Int?, limit: Int)]) throws(RecipeError) {
    for (key, value, limit) in counts {
      if let value { try require((1...limit).contains(value), key, "expected 1 to \(limit), found \(value)") }
    }
  }

  /// Requires `dropout` to be a probability below 1.
  func requireDropout(_ dropout: Double) throws(RecipeError) {
    try require(dropout >= 0 && dropout < 1, "dropout", "expected at least 0 and below 1, found \(dropout)")
  }
}
