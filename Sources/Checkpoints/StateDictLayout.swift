/// Which tensors of a state dict are the network's, and under which names, whatever was wrapped around it.
///
/// Trainers save the network inside others: data-parallel and compiling wrappers, the diffusion object with the schedule's buffers, an
/// averaging wrapper that holds the network twice. Each puts its own word before every name. The words are taken off in any nesting
/// (`module._orig_mod.`, `ema_model.model.`), as is any other word that all names begin with (`netG.`), buffers of schedules and counters are left out, and of several networks one is chosen:
/// the average, else the only one. Names and shapes decide; no tensor is looked at.
package struct StateDictLayout: Sendable {
  /// The tensors of the network, in the order of the state dict, with their names without wrappers.
  package let entries: [(index: Int, name: String)]
  /// The words that were taken off, such as `ema_model.model`; empty where there are none.
  package let prefix: String
  /// The same of every network, in the order of the state dict; empty where there is only one.
  package let prefixes: [String]
  /// Names of tensors that belong to no network: buffers of a schedule, counters.
  package let leftOut: [String]

  /// Several networks, and nothing that says which.
  package struct Ambiguity: Error, Equatable {
    package let prefixes: [String]
  }

  /// - Parameters:
  ///   - tensors: names and shapes.
  ///   - prefix: of the network to take, or the first words of it; nil for the rule.
  /// - Throws: `Ambiguity` for several networks of which none is the average, or where `prefix` is that of none or of several.
  package init(_ tensors: [(name: String, shape: [Int])], choosing prefix: String? = nil) throws(Ambiguity) {
    let shared = Self.sharedWords(tensors)
    let names = tensors.map { WrappedName($0.name, shared) }
    let isWrapped = names.contains { !$0.wrappers.isEmpty }
    let isBuffer = tensors.indices.map { names[$0].isBuffer(shape: tensors[$0].shape) || isWrapped && names[$0].isCompanion }
    let networks = tensors.indices.filter { !isBuffer[$0] }
    let common = Self.commonWrappers(networks.map { names[$0].wrappers })
    var groups = Self.groups(networks, names, common)
    if groups.count > 1, let chosen = try Self.choose(&groups, names, prefix) {
      entries = chosen.indices.map { ($0, names[$0].without(chosen.wrappers)) }
      (self.prefix, prefixes) = (chosen.prefix, groups.map(\.prefix))
      leftOut = tensors.indices.filter { isBuffer[$0] }.map { tensors[$0].name }
    } else {
      // One network. Words that only some of its names have are its own.
      let kept = networks.isEmpty ? Array(tensors.indices) : networks
      entries = kept.map { ($0, names[$0].without(common)) }
      (self.prefix, prefixes) = (common.joined(separator: "."), [])
      leftOut = networks.isEmpty ? [] : tensors.indices.filter { isBuffer[$0] }.map { tensors[$0].name }
    }
  }

  /// Words, of no wrapper that is known, that every name but those of buffers begins with, after known ones or not: the attribute under
  /// which a program keeps its network. A network's own names never begin with one word alone.
  private static func sharedWords(_ tensors: [(name: String, shape: [Int])]) -> Set<String> {
    var shared: Set<String> = []
    while true {
      let names = tensors.map { (WrappedName($0.name, shared), $0.shape) }.filter { !$0.0.isBuffer(shape: $0.1) }.map(\.0)
      guard names.count > 1, let word = names[0].firstWord, names.allSatisfy({ $0.firstWord == word }),
        names.contains(where: { $0.rest.dropFirst(word.count + 1).contains(".") })
      else { return shared }
      shared.insert(word)
    }
  }

  /// The words that all names begin with.
  private static func commonWrappers(_ wrappers: [[String]]) -> [String] {
    guard var common = wrappers.first else { return [] }
    for other in wrappers { common = Array(zip(common, other).prefix { $0 == $1 }.map(\.0)) }
    return common
  }

  private struct Group {
    /// Taken off its names.
    let wrappers: [String]
    /// Those that distinguish it from the others.
    let prefix: String
    let indices: [Int]
  }

  /// The tensors by the first word that distinguishes them, in the order of the first of each.
  /// - Parameter common: the words that all names begin with.
  private static func groups(_ indices: [Int], _ names: [WrappedName], _ common: [String]) -> [Group] {
    var words: [String] = [], members: [String: [Int]] = [:]
    for index in indices {
      let word = names[index].wrappers.dropFirst(common.count).first ?? ""
      if members[word] == nil { words.append(word) }
      members[word, default: []].append(index)
    }
    return words.map { word in
      let wrappers = commonWrappers(members[word, default: []].map { names[$0].wrappers })
      let prefix = wrappers.dropFirst(common.count).joined(separator: ".")
      return Group(wrappers: wrappers, prefix: prefix, indices: members[word, default: []])
    }
  }

  /// - Parameter groups: loses what is not a network beside one that surely is.
  /// - Returns: nil where the names are to stay as they are.
  private static func choose(_ groups: inout [Group], _ names: [WrappedName], _ prefix: String?) throws(Ambiguity) -> Group? {
    // Tensors without a wrapper beside wrapped ones: a word such as `model` is then part of the network's own names, unless an
    // averaging or diffusion object was saved, which may hold more than networks.
    if groups.contains(where: { $0.prefix.isEmpty }) {
      guard groups.contains(where: { WrappedName.isCertain($0.prefix) }) else { return nil }
      groups.removeAll { !WrappedName.isCertain($0.prefix) }
    }
    if let prefix {
      let exact = groups.filter { $0.prefix == prefix }
      let matching = exact.isEmpty ? groups.filter { $0.prefix.hasPrefix(prefix + ".") } : exact
      guard matching.count == 1 else { throw Ambiguity(prefixes: groups.map(\.prefix)) }
      return matching[0]
    }
    if groups.count == 1 { return groups[0] }
    // Two networks have the same names; parts of one, such as `net.` and `ema.` of another design, have not.
    let sets = groups.map { group in Set(group.indices.map { names[$0].without(group.wrappers) }) }
    let averages = groups.indices.filter { WrappedName.isAverage(groups[$0].prefix) }
    guard averages.count == 1, sets.allSatisfy({ $0.isSubset(of: sets[averages[0]]) }) else {
      throw Ambiguity(prefixes: groups.map(\.prefix))
    }
    return groups[averages[0]]
  }
}

/// A name of a state dict, taken apart into the words of wrappers before it and the rest, which is the network's.
private struct WrappedName {
  let wrappers: [String]
  let rest: String

  /// - Parameter others: words that count as those of wrappers here.
  init(_ name: String, _ others: Set<String>) {
    let parts = Self.compiled(name).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    var count = 0
    // A number after a word is the member of a list: the word is the network's own, as in `model.0.weight`.
    while count < parts.count - 1, Self.words.contains(parts[count]) || others.contains(parts[count]), Int(parts[count + 1]) == nil {
      count += 1
    }
    wrappers = Array(parts[..<count])
    rest = parts[count...].joined(separator: ".")
  }

  /// The first word of the network's name; nil for a name of one word, and for the name of a list.
  var firstWord: String? {
    let parts = rest.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count > 1 && Int(parts[1]) == nil ? String(parts[0]) : nil
  }

  /// The name without its first words.
  func without(_ words: [String]) -> String { (wrappers.dropFirst(words.count) + [rest]).joined(separator: ".") }

  /// The name without the parts that compiling, sharding and recomputation insert.
  static func compiled(_ name: String) -> String {
    guard name.contains("_orig_mod.") || name.contains("wrapped_module.") else { return name }
    return ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."].reduce(name) { $0.replacing($1, with: "") }
  }

  /// Whether it is a buffer of a schedule or a counter of an averaging wrapper, not a weight.
  func isBuffer(shape: [Int]) -> Bool {
    guard shape.count <= 1, !rest.contains(".") else { return false }
    return Self.buffers.contains(rest) || ["sqrt_", "posterior_", "log_one_minus_", "alphas_"].contains { rest.hasPrefix($0) }
  }

  /// Whether it is of a module that trainers keep beside the network, in a state dict of both: a loss, a metric, an encoder. So is an
  /// average whose names have lost their dots, as in latent diffusion's.
  var isCompanion: Bool {
    if wrappers == ["model_ema"] { return !rest.contains(".") }
    return wrappers.isEmpty && Self.companions.contains(String(rest.prefix { $0 != "." }))
  }

  static func isAverage(_ prefix: String) -> Bool { prefix.split(separator: ".").contains { averages.contains(String($0)) } }

  /// Whether the words are such that no network has for its own.
  static func isCertain(_ prefix: String) -> Bool {
    prefix.split(separator: ".").contains { averages.contains(String($0)) || ["module", "online_model", "diffusion_model"].contains($0) }
  }

  private static let averages: Set = ["ema_model", "ema", "model_ema", "ema_net", "ema_network", "ema_unet", "averaged_model", "shadow"]
  private static let words = averages.union([
    "module", "model", "online_model", "net", "network", "unet", "diffusion_model", "diffusion", "inner_model", "denoise_fn", "denoiser",
    "state_dict",
  ])
  private static let companions: Set = [
    "loss", "loss_fn", "criterion", "lpips", "perceptual_loss", "metric", "metrics", "fid", "discriminator", "first_stage_model",
    "cond_stage_model", "vae", "text_encoder",
  ]
  private static let buffers: Set = [
    "betas", "alphas", "gammas", "sigmas", "loss_weight", "loss_weights", "p2_loss_weight", "lvlb_weights", "logvar", "snr",
    "log_snr", "timesteps", "initted", "step", "steps", "num_updates", "n_averaged", "decay",
  ]
}
