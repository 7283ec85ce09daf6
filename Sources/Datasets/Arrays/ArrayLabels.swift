import Archives

/// Class numbers out of an array: whole numbers `[N]` or `[N, 1]`, or `[N, K]` with a single 1 in each row.
struct ArrayLabels {
  /// Class numbers from 0.
  let numbers: [Int]
  /// How many classes there are at least.
  let classCount: Int

  /// More classes than this count as a mistake.
  private static let classLimit = 1 << 16

  /// - Parameter firstLabel: what is 0 in `numbers`; of no meaning for rows of zeros and a 1.
  init(_ array: NumberArray, firstLabel: Int) throws {
    guard (1...2).contains(array.shape.count), !array.shape.contains(0) else {
      throw DatasetError(array.name, .shape(array.shape, expected: "[N] numbers of classes, or [N, K] with a 1 for the class in each row"))
    }
    let values = try array.numbers(0..<array.count)
    if array.rowLength == 1 {
      numbers = try Self.classNumbers(values, firstLabel: firstLabel, array.name)
      classCount = (numbers.max() ?? 0) + 1
    } else {
      guard array.rowLength <= Self.classLimit else {
        throw DatasetError(array.name, .shape(array.shape, expected: "at most \(Self.classLimit) classes"))
      }
      numbers = try (0..<array.count).map { index in
        let row = values[(index * array.rowLength)..<((index + 1) * array.rowLength)]
        guard let place = row.firstIndex(of: 1), row.allSatisfy({ $0 == 0 || $0 == 1 }), row.reduce(0, +) == 1 else {
          throw DatasetError(array.name, .oneHot(index: index))
        }
        return place - row.startIndex
      }
      classCount = array.rowLength
    }
  }

  private static func classNumbers(_ values: [Double], firstLabel: Int, _ file: String) throws(DatasetError) -> [Int] {
    let accepted = Double(firstLabel)...Double(firstLabel + classLimit - 1)
    var numbers: [Int] = []
    numbers.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      guard accepted.contains(value), value == value.rounded() else {
        let expected =
          "a whole number from \(firstLabel) to \(firstLabel + classLimit - 1); set first_label to the number of the first class"
        throw DatasetError(file, .label(value, index: index, expected: expected))
      }
      numbers.append(Int(value) - firstLabel)
    }
    return numbers
  }
}
