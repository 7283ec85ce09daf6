import Tensors

extension Tensor {
  /// Texts as bytes of UTF-8, `[N, L]` int64, L being the length of the longest and at least 1: zeros follow the end of each. A zero within a
  /// text, which no caption has, would end it.
  public init(texts: [String]) {
    var length = 1
    for text in texts { length = Swift.max(length, text.utf8.count) }
    var numbers: [Int] = []
    for text in texts {
      let bytes = text.utf8.map { Int($0) }
      numbers += bytes
      numbers += [Int](repeating: 0, count: length - bytes.count)
    }
    self.init(numbers, [texts.count, length])
  }
}
