/// The JSON of a safetensors header becomes entries; each is checked alone, not yet against the others.
struct SafetensorsHeaderParser {
  var json: JSONScanner

  mutating func header() throws(SafetensorsError) -> ([String: String], [SafetensorsHeader.Entry]) {
    var metadata: [String: String] = [:]
    var entries: [SafetensorsHeader.Entry] = []
    try json.object { (json: inout JSONScanner, key: String) throws(SafetensorsError) in
      if key == SafetensorsHeader.metadataKey {
        try json.object { (json: inout JSONScanner, key: String) throws(SafetensorsError) in metadata[key] = try json.string() }
      } else {
        entries.append(try Self.entry(key, &json))
      }
    }
    try json.end()
    return (metadata, entries)
  }

  private static func entry(_ name: String, _ json: inout JSONScanner) throws(SafetensorsError) -> SafetensorsHeader.Entry {
    var dtype: String?, shape: [Int]?, offsets: [Int]?
    do throws(SafetensorsError) {
      try json.object { (json: inout JSONScanner, key: String) throws(SafetensorsError) in
        switch key {
        case "dtype": dtype = try json.string()
        case "shape": shape = try json.counts()
        case "data_offsets": offsets = try json.counts()
        default: throw json.failure("key '\(SafetensorsError.short(key))' is unknown; expected dtype, shape and data_offsets")
        }
      }
    } catch { throw json.failure(error.message, tensor: name) }
    guard let dtype, let shape, let offsets else {
      let missing = [("dtype", dtype == nil), ("shape", shape == nil), ("data_offsets", offsets == nil)].filter { $0.1 }.map { $0.0 }
      throw json.failure("\(missing.joined(separator: " and ")) missing", tensor: name)
    }
    return try entry(name, dtype, shape, offsets, json)
  }

  private static func entry(
    _ name: String, _ dtype: String, _ shape: [Int], _ offsets: [Int], _ json: JSONScanner
  ) throws(SafetensorsError) -> SafetensorsHeader.Entry {
    guard let type = SafetensorsHeader.ElementType(rawValue: dtype) else {
      let known = SafetensorsHeader.ElementType.allCases.map { $0.rawValue }.joined(separator: ", ")
      throw json.failure(
        "dtype '\(SafetensorsError.short(dtype))' is not supported; expected one of \(known): save the tensor in one of these", tensor: name
      )
    }
    guard let count = SafetensorsHeader.byteCount(of: type, shape) else {
      throw json.failure("shape \(described(shape)) has more \(dtype) elements than can be counted", tensor: name)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw json.failure("data_offsets \(described(offsets)) are not a range; expected [begin, end] with begin <= end", tensor: name)
    }
    guard offsets[1] - offsets[0] == count else {
      throw json.failure(
        "data_offsets \(offsets) hold \(offsets[1] - offsets[0]) bytes; expected \(count) for \(dtype) \(described(shape))", tensor: name)
    }
    return SafetensorsHeader.Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func described(_ numbers: [Int]) -> String {
    numbers.count <= 8 ? "\(numbers)" : "\(numbers.prefix(8).map { "\($0)" }.joined(separator: ", ")), … (\(numbers.count) numbers)"
  }
}
