/// Finds the state dict in a pickle: a dictionary from names to tensors, the pickle's own value or a member of it.
struct StateDictSearch {
  struct Found {
    /// Nil where the whole file is the state dict.
    let member: String?
    let pairs: [(name: String, value: Pickle.Value)]
    /// What else there is, by name.
    var rest: [(name: String, value: Pickle.Value)]
  }
  private let pickle: Pickle
  private let source: PickleSource
  /// What the pickle's dictionary holds by name.
  private let all: [Entry]
  /// The members that are state dicts, in the file's order.
  let members: [String]

  typealias Entry = (name: String, value: Pickle.Value)

  init(_ pickle: Pickle, _ source: PickleSource) {
    (self.pickle, self.source) = (pickle, source)
    all = Self.entries(pickle.root, of: pickle)
    // A dictionary that stands under many names is looked at once.
    var known: [Int: Bool] = [:]
    members = all.filter { entry in
      guard case .container(let index) = entry.value else { return false }
      if let known = known[index] { return known }
      let isOne = Self.isStateDict(entry.value, of: pickle)
      known[index] = isOne
      return isOne
    }.map(\.name)
  }

  /// Where several are there, the first group that has a member decides: averages are what one samples with.
  static let averages = ["params_ema", "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "g_ema"]
  static let weights = ["params", "state_dict", "model_state_dict", "model", "network", "net", "weights"]

  /// - Parameter member: the member to take, `a/b` for a member of a member; nil for the rule to choose.
  func find(_ member: String?) throws(CheckpointError) -> Found {
    guard pickle.pairs(pickle.root) != nil else { throw notADictionary }
    guard member != nil || !isOptimizer else { throw optimizer }
    if let member { return try named(member) }
    if members.isEmpty, Self.isStateDict(pickle.root, of: pickle) { return Found(member: nil, pairs: all, rest: []) }
    let choice = try choose()
    return Found(member: choice, pairs: entries(all.first { $0.name == choice }!.value), rest: all.filter { $0.name != choice })
  }

  private func choose() throws(CheckpointError) -> String {
    guard !members.isEmpty else { throw failure("holds no state dict; it holds \(listed(all.map(\.name)))") }
    if members.count == 1 { return members[0] }
    for group in [Self.averages, Self.weights] {
      let candidates = group.filter(members.contains)
      if candidates.count == 1 { return candidates[0] }
      if candidates.count > 1 { break }
    }
    throw CheckpointError(.ambiguous, source.path, "holds several state dicts, \(listed(members)); say which member to read")
  }

  private func named(_ member: String) throws(CheckpointError) -> Found {
    var value = pickle.root
    let steps = all.contains { $0.name == member } ? [member] : member.split(separator: "/").map(String.init)
    guard let first = steps.first else { throw failure("has no member of the name '\(member)'; the state dicts are \(listed(members))") }
    for step in steps {
      guard let next = entries(value).last(where: { $0.name == step }) else {
        throw failure("has no member '\(member)'; it holds \(listed(entries(value).map(\.name)))")
      }
      value = next.value
    }
    guard Self.isStateDict(value, of: pickle) else {
      throw failure("member '\(member)' is \(pickle.describe(value)), no state dict; the state dicts are \(listed(members))")
    }
    return Found(member: member, pairs: entries(value), rest: all.filter { $0.name != first })
  }

  private func entries(_ value: Pickle.Value) -> [Entry] { Self.entries(value, of: pickle) }

  /// The pairs of a dictionary whose keys are text, the last where a key comes twice.
  private static func entries(_ value: Pickle.Value, of pickle: Pickle) -> [Entry] {
    var places: [String: Int] = [:]
    var entries: [Entry] = []
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

  /// Whether every key is text, and one value at least a tensor.
  private static func isStateDict(_ value: Pickle.Value, of pickle: Pickle) -> Bool {
    guard let pairs = pickle.pairs(value), pairs.allSatisfy({ $0.key.text != nil }) else { return false }
    return pairs.contains { if case .tensor = $0.value { true } else { false } }
  }

  /// Whether it is what PyTorch's optimizers give as their state.
  private var isOptimizer: Bool { members.isEmpty && Set(all.map(\.name)).isSuperset(of: ["param_groups", "state"]) }

  private var optimizer: CheckpointError {
    CheckpointError(
      .optimizerState, source.path,
      "holds what an optimizer keeps (param_groups and state), no model; give the model's file, which lies beside it: model….pt or "
        + "ema_….pt beside opt….pt")
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
