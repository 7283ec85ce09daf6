import Tensors

/// Everything of the reference that is not compared, each with its reason.
enum Exemptions {
  /// Sets whose subject is not built yet.
  static let sets: [Int: String] = [:]

  /// Manifests of a set that is built whose subject is not.
  struct Subject {
    let set: Int
    let reason: String
    let covers: (Manifest) -> Bool
  }
  static var subjects: [Subject] { [] }

  /// Error cases of a reference that are plain mistakes of it.
  struct Refusal {
    let set: Int
    let reason: String
    let covers: (JSON) -> Bool
  }
  static var refusals: [Refusal] {
    [1, 2].map { set in
      Refusal(set: set, reason: "a process of one step is refused only because an index runs out; ours constructs") {
        let isOneStep = $0["betas"]?.numbers?.count == 1 || $0["steps"]?.int == 1 || $0["sections"] == .string("1")
        return isOneStep && $0["raises"]?.string == "IndexError"
      }
    } + [
      Refusal(set: 4, reason: "improved-diffusion's pooling calls its layer wrongly and never worked; ours does") {
        $0["what"]?.string?.hasPrefix("improved-diffusion with conv_resample=False") == true
      }
    ]
  }

  /// Elements of results that rounding alone decides, and that the reference does not list as such.
  struct Elements {
    let set: Int
    let reason: String
    /// The manifests' names begin so.
    let run: String
    let tensor: String, indices: Set<Int>
  }
  static var elements: [Elements] {
    [
      Elements(
        set: 6,
        reason: "Adam divides a gradient near zero by its own size: the weight is off by 0.7 of the tolerance with AVX2 and by 1.2 with "
          + "AVX-512, where no other is by more than 0.03",
        run: "hybrid_lsm.", tensor: "middle_block.0.out_layers.3.weight", indices: [72])
    ]
  }

  /// Tensors that a plain mistake of a reference has spoilt, and what they would be without it.
  struct Correction {
    let set: Int
    let reason: String
    /// The tensor put right; nil where the mistake does not show.
    let corrected: (Manifest, Manifest.Entry) throws -> Tensor?
  }
  static var corrections: [Correction] {
    [
      Correction(set: 2, reason: "nice-diffusion's map runs on beyond the last step of the process, where there is no level") {
        manifest, entry in
        let parts = entry.name.split(separator: "/")
        guard parts.last == "timestep_map", let first = parts.first,
          let total = manifest.cases.first(where: { $0["case"]?.string == String(first) })?["original_num_steps"]?.int
        else { return nil }
        let map = try manifest.tensor(entry.name).ints()
        let within = map.filter { $0 < total }
        return within.count < map.count ? Tensor(within) : nil
      },
      Correction(
        set: 3, reason: "nice-diffusion's normal distribution function has the factor 0.0444715 where it should have 0.044715",
        corrected: NiceLoss.corrected),
      Correction(
        set: 3, reason: "nice-diffusion's normal distribution function has the factor 0.0444715 where it should have 0.044715"
      ) { manifest, entry in
        guard manifest.name == "likelihoods.json" else { return nil }
        // The same arguments, with the constant put right, are recorded beside it.
        return switch entry.name {
        case "nice/cdf": try manifest.tensor("cdf/out")
        case "nice/log_likelihood": try manifest.tensor("discretized_gaussian_log_likelihood")
        default: nil
        }
      },
    ]
  }
}
