import Archives

// Which array of an archive holds what, where the recipe does not say.
extension NPZFile {
  /// The path of the array that holds images: `arr_0`, as guided-diffusion writes them, or the only one of 3 or 4 dimensions.
  /// - Throws: `DatasetError` when it is not clear which, `ArrayError` when no array can be read.
  func images() throws -> String {
    let candidates = arrays.filter { (3...4).contains($0.shape.count) }
    return try path(of: candidates.first { $0.name == "arr_0" } ?? (candidates.count == 1 ? candidates[0] : nil))
  }

  /// The path of the array of labels that goes with images: `arr_1` beside `arr_0`, else `labels`, `label` or `y`.
  func labels(of images: String) -> String? {
    let names = images == "\(path)/arr_0" ? ["arr_1"] : ["labels", "label", "y"]
    let found = arrays.first { names.contains($0.name) && (1...2).contains($0.shape.count) }
    return found.map { "\(path)/\($0.name)" }
  }

  /// The path of the only array, or of `arr_0`.
  func only() throws -> String {
    try path(of: arrays.first { $0.name == "arr_0" } ?? (arrays.count == 1 ? arrays[0] : nil))
  }

  private func path(of array: (name: String, shape: [Int])?) throws -> String {
    if let problem, arrays.isEmpty { throw problem }
    guard let array else { throw DatasetError(path, .whichArray(there: arrays.map { "\($0.name) \($0.shape)" })) }
    return "\(path)/\(array.name)"
  }
}
