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
  /// The members that are state dicts, in the file's order: those of the file's own dictionary, else of its members, and so on.
  private let candidates: [Candidate]

  typealias Entry = (name: String, value: Pickle.Value)

  /// A member with the names that lead to it.
  private struct Candidate {
    var path: [String]
    let value: Pickle.Value
    var name: String { path.joined(separator: "/") }
  }

  init(_ pickle: Pickle, _ source: PickleSource) {
    (self.pickle, self.source) = (pickle, source)
    all = Self.entries(pickle.root, of: pickle)
    candidates = Self.nearest(in: pickle) { Self.isStateDict($0, of: pickle) }
  }

  var members: [String] { candidates.map(\.name) }

  /// Bounds that no real checkpoint reaches.
  private static let depthLimit = 6, memberLimit = 10_000, nameLimit = 1000

  /// The dictionaries that are wanted and lie nearest to the root; none where the root itself is wanted and its members are not.
  private static func nearest(in pickle: Pickle, where isWanted: (Pickle.Value) -> Bool) -> [Candidate] {
    var level = [Candidate(path: [], value: pickle.root)]
    // A dictionary that stands under many names is looked at once.
    var known: [Int: Bool] = [:]
    for depth in 1...depthLimit {
      var found: [Candidate] = [], others: [Candidate] = []
      for parent in level {
        for entry in entries(parent.value, of: pickle) where entry.name.utf8.count <= nameLimit {
          guard case .container(let index) = entry.value, pickle.containers[index].kind == .dictionary else { continue }
          let member = Candidate(path: parent.path + [entry.name], value: entry.value)
          if known[index] ?? isWanted(entry.value) {
            if found.count < memberLimit { found.append(member) }
            known[index] = true
          } else if known.updateValue(false, forKey: index) == nil {
            others.append(member)
          }
        }
      }
      if !found.isEmpty || depth == 1 && isWanted(pickle.root) { return found }
      level = others
    }
    return []
  }

  /// The names of averaged weights. The first group of names with a match decides; averages come first because samples are made with them.
  static let averages = ["params_ema", "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "g_ema", "shadow"]
  static let weights = ["params", "state_dict", "model_state_dict", "model", "network", "net", "weights"]

  /// - Parameter member: the member to take, `a/b` for a member of a member; nil for the rule to choose.
  func find(_ member: String?) throws(CheckpointError) -> Found {
    guard pickle.pairs(pickle.root) != nil else { throw notADictionary }
    guard member != nil || !isOptimizer else { throw optimizer }
    if let member { return try named(member) }
    if candidates.isEmpty, Self.isStateDict(pickle.root, of: pickle) { return Found(member: nil, pairs: all, rest: []) }
    return found(try choose())
  }

  private func found(_ candidate: Candidate) -> Found {
    Found(member: candidate.name, pairs: entries(candidate.value), rest: all.filter { $0.name != candidate.path[0] })
  }

  private func choose() throws(CheckpointError) -> Candidate {
    guard !candidates.isEmpty else {
      throw Self.unreadTensor(in: pickle, source) ?? failure("holds no state dict; it holds \(listed(all.map(\.name)))")
    }
    if candidates.count == 1 { return candidates[0] }
    for group in [Self.averages, Self.weights] {
      let named = candidates.filter { group.contains($0.path[$0.path.count - 1]) }
      if named.count == 1 { return named[0] }
      if named.count > 1 { break }
    }
    throw CheckpointError(.ambiguous, source.path, "holds several state dicts, \(listed(members)); say which member to read")
  }

  private func named(_ member: String) throws(CheckpointError) -> Found {
    if let candidate = candidates.first(where: { $0.name == member }) { return found(candidate) }
    var value = pickle.root
    let steps = all.contains { $0.name == member } ? [member] : member.split(separator: "/").map(String.init)
    guard !steps.isEmpty else { throw absent("has no member of the name '\(member)'; the state dicts are \(listed(members))") }
    for step in steps {
      guard let next = entries(value).last(where: { $0.name == step }) else {
        throw absent("has no member '\(member)'; it holds \(listed(entries(value).map(\.name)))")
      }
      value = next.value
    }
    guard Self.isStateDict(value, of: pickle) else {
      if let (name, foreign) = Self.unreadEntry(of: value, in: pickle) { throw source.problem(with: foreign, named: name) }
      throw failure("member '\(member)' is \(pickle.describe(value)), not a state dict; the state dicts are \(listed(members))")
    }
    return found(Candidate(path: steps, value: value))
  }

  // MARK: Tensors that are not read

  /// What keeps a pickle without a state dict from having one: a dictionary whose tensors are all of kinds that are not read.
  static func unreadTensor(in pickle: Pickle, _ source: PickleSource) -> CheckpointError? {
    let candidates = nearest(in: pickle) { unreadEntry(of: $0, in: pickle) != nil }
    guard let (name, foreign) = unreadEntry(of: candidates.first?.value ?? pickle.root, in: pickle) else { return nil }
    return source.problem(with: foreign, named: name)
  }

  private static func unreadEntry(of value: Pickle.Value, in pickle: Pickle) -> (name: String, foreign: Pickle.Foreign)? {
    for (key, value) in pickle.pairs(value) ?? [] {
      guard let name = key.text, case .foreign(let index) = value, pickle.foreigns[index].tensor != nil else { continue }
      return (name, pickle.foreigns[index])
    }
    return nil
  }

  // MARK: Dictionaries

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
      "holds the state of an optimizer (param_groups and state), not a model; give the model's file, which lies beside it: model….pt or "
        + "ema_….pt beside opt….pt")
  }

  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(12).map { "'\($0.prefix(60))'" }.joined(separator: ", ")
    return names.isEmpty ? "nothing by name" : shown + (names.count > 12 ? " and \(names.count - 12) more" : "")
  }

  private func absent(_ message: String) -> CheckpointError { CheckpointError(.noMember, source.path, message) }

  private func failure(_ message: String) -> CheckpointError { CheckpointError(.invalid, source.path, message) }

  private var notADictionary: CheckpointError {
    if case .foreign(let index) = pickle.root {
      let foreign = pickle.foreigns[index]
      return source.failure("a whole object of \(foreign.name), not its state dict; in Python save model.state_dict()", at: foreign.offset)
    }
    return failure("holds \(pickle.describe(pickle.root)); expected a dictionary of tensors by name")
  }
}
