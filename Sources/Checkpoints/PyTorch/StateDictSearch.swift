/// Finds the state dict in a pickle: a dictionary from names to tensors, the pickle's own value or a member of it.
struct StateDictSearch {
  struct Found {
    /// Nil where the whole file is the state dict.
    let member: String?
    let pairs: [(name: String, value: Pickle.Value)]
    /// What else there is, by name.
    var rest: [(name: String, value: Pickle.Value)]
  }
  let pickle: Pickle
  let source: PickleSource

  /// Where several are there, the first group that has a member decides: averages are what one samples with.
  static let averages = ["params_ema", "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "g_ema"]
  static let weights = ["params", "state_dict", "model_state_dict", "model", "network", "net", "weights"]

  /// The members that are state dicts, in the file's order.
  var members: [String] { entries(pickle.root).filter { stateDict($0.value) != nil }.map(\.name) }

  /// - Parameter member: the member to take, `a/b` for a member of a member; nil for the rule to choose.
  func find(_ member: String?) throws(CheckpointError) -> Found {
    guard pickle.pairs(pickle.root) != nil else { throw notADictionary }
    if let member { return try named(member) }
    let all = entries(pickle.root)
    let found = all.filter { stateDict($0.value) != nil }
    if found.isEmpty, let pairs = stateDict(pickle.root) { return Found(member: nil, pairs: pairs, rest: []) }
    let choice = try choose(found.map(\.name))
    let pairs = stateDict(found.first { $0.name == choice }!.value)!
    return Found(member: choice, pairs: pairs, rest: all.filter { $0.name != choice })
  }

  private func choose(_ names: [String]) throws(CheckpointError) -> String {
    guard !names.isEmpty else { throw failure("holds no state dict; it holds \(listed(entries(pickle.root).map(\.name)))") }
    for group in [Self.averages, Self.weights, names] {
      let candidates = names.filter(group.contains)
      if candidates.count == 1 { return candidates[0] }
      if candidates.count > 1 { throw failure("holds several state dicts, \(listed(names)); say which member to read") }
    }
    return names[0]
  }

  private func named(_ member: String) throws(CheckpointError) -> Found {
    var value = pickle.root
    let steps = entries(value).contains { $0.name == member } ? [member] : member.split(separator: "/").map(String.init)
    for step in steps {
      guard let next = entries(value).last(where: { $0.name == step }) else {
        throw failure("has no member '\(member)'; it holds \(listed(entries(value).map(\.name)))")
      }
      value = next.value
    }
    guard let pairs = stateDict(value) else {
      throw failure("member '\(member)' is \(pickle.describe(value)), no state dict; the state dicts are \(listed(members))")
    }
    return Found(member: member, pairs: pairs, rest: entries(pickle.root).filter { $0.name != steps[0] })
  }

  /// The pairs of a dictionary whose keys are text, the last where a key comes twice.
  private func entries(_ value: Pickle.Value) -> [(name: String, value: Pickle.Value)] {
    var places: [String: Int] = [:]
    var entries: [(name: String, value: Pickle.Value)] = []
    for (key, value) in pickle.pairs(value) ?? [] {
      guard let name = key.text else { continue }
      if let place = places[name] {
        entries[place].value = value
      } else {
        places[name] = entries.count
        entries.append((name, value))
      }
    }
    return entries
  }

  /// The entries of a state dict: every key is text, and one value at least a tensor.
  private func stateDict(_ value: Pickle.Value) -> [(name: String, value: Pickle.Value)]? {
    guard let pairs = pickle.pairs(value), pairs.allSatisfy({ $0.key.text != nil }) else { return nil }
    let hasTensor = pairs.contains { if case .tensor = $0.value { true } else { false } }
    return hasTensor ? entries(value) : nil
  }

  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(12).map { "'\($0.prefix(60))'" }.joined(separator: ", ")
    return names.isEmpty ? "nothing by name" : shown + (names.count > 12 ? " and \(names.count - 12) more" : "")
  }

  private func failure(_ message: String) -> CheckpointError { CheckpointError(.invalid, source.path, message) }

  private var notADictionary: CheckpointError {
    if case .foreign(let index) = pickle.root {
      let foreign = pickle.foreigns[index]
      return source.failure("a whole object of \(foreign.name), not its state dict; in Python save model.state_dict()", at: foreign.offset)
    }
    return failure("holds \(pickle.describe(pickle.root)); expected a dictionary of tensors by name")
  }
}
