import Failures
import RecipeKit

/// The flags of a program's command line, over the program's own defaults.
struct PublishedFlags {
  let system: Preset.System
  private let values: [String: String]
  private let given: Set<String>

  /// - Parameter text: `--image_size 64 --learn_sigma True`; a flag without a value is true.
  /// - Throws: `SfumatoError` for a flag that the program does not have.
  init(_ text: String, of system: Preset.System) throws {
    var values = Self.defaults(of: system), given: Set<String> = []
    for flag in text.split(separator: "--") {
      let words = flag.split(separator: " ")
      guard let name = words.first.map(String.init), words.count <= 2, values[name] != nil else {
        let known = values.keys.sorted()
        throw SfumatoError(.usage, "\(system.rawValue) has no flag --\(flag); \(Suggestion.phrase(for: "\(flag)", among: known))")
      }
      values[name] = words.count == 2 ? String(words[1]) : "True"
      given.insert(name)
    }
    (self.system, self.values, self.given) = (system, values, given)
  }

  func isGiven(_ name: String) -> Bool { given.contains(name) }

  subscript(name: String) -> String { values[name]! }

  func number(_ name: String) throws -> Int { try read(name, "a whole number", Int.init) }
  func fraction(_ name: String) throws -> Double { try read(name, "a number", Double.init) }

  func isTrue(_ name: String) throws -> Bool {
    try read(name, "True or False") { ["True": true, "False": false][$0] }
  }

  /// Numbers between commas or, as nice-diffusion has it, slashes.
  func numbers(_ name: String) throws -> [Int] {
    try read(name, "whole numbers") { text in
      let numbers = text.split { $0 == "," || $0 == "/" }.map { Int($0) }
      return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }
  }

  private func read<Value>(_ name: String, _ what: String, _ parse: (String) -> Value?) throws -> Value {
    guard let value = parse(self[name]) else {
      throw SfumatoError(.usage, "--\(name) of \(system.rawValue): expected \(what), found '\(self[name])'")
    }
    return value
  }
}

// MARK: The programs' defaults

extension PublishedFlags {
  /// The defaults of `script_util.py` in guided-diffusion and improved-diffusion, of `utils.py` in nice-diffusion and of
  /// `sample.py` in DiT. What only trains is
  /// known, so that published flags can be given as they are.
  private static func defaults(of system: Preset.System) -> [String: String] {
    switch system {
    case .guidedDiffusion:
      openAI.merging(classifier) { $1 }.merging([
        "num_head_channels": "-1", "channel_mult": "", "resblock_updown": "False", "use_fp16": "False", "use_new_attention_order": "False",
        "rescale_timesteps": "False", "rescale_learned_sigmas": "False",
      ]) { $1 }
    case .improvedDiffusion:
      openAI.merging(["sigma_small": "False", "rescale_timesteps": "True", "rescale_learned_sigmas": "True"]) { $1 }
    case .niceDiffusion: nice
    case .dit:
      ["model": "DiT-XL/2", "image-size": "256", "num-classes": "1000", "cfg-scale": "4.0", "num-sampling-steps": "250", "vae": "mse"]
    }
  }

  private static let openAI = [
    "image_size": "64", "large_size": "256", "small_size": "64", "num_channels": "128", "num_res_blocks": "2", "num_heads": "4",
    "num_heads_upsample": "-1", "attention_resolutions": "16,8", "dropout": "0.0", "class_cond": "False", "use_checkpoint": "False",
    "use_scale_shift_norm": "True", "learn_sigma": "False", "diffusion_steps": "1000", "noise_schedule": "linear", "use_kl": "False",
    "predict_xstart": "False",
  ]

  private static let classifier = [
    "classifier_width": "128", "classifier_depth": "2", "classifier_attention_resolutions": "32,16,8",
    "classifier_use_scale_shift_norm": "True", "classifier_resblock_updown": "True", "classifier_pool": "attention",
    "classifier_use_fp16": "False",
  ]

  private static let nice = [
    "resolution": "64", "model_channels": "128", "channel_mult": "1/2/4/8", "num_res_blocks": "2", "attention_resolutions": "16/8",
    "num_classes": "", "dropout": "0.0", "in_channels": "3", "num_heads": "4", "num_head_channels": "", "split_qkv_first": "False",
    "resblock_updown": "False", "use_adaptive_gn": "False", "beta_schedule": "linear", "sampling_var_type": "small", "use_ddim": "False",
    "ddim_eta": "0.0", "original_num_steps": "1000", "guidance_method": "", "guidance_strength": "0",
  ]
}
