import ArgumentParser
import Workflows

/// Restoration by a model that was never trained to restore.
struct PriorOptions: ParsableArguments {
  @Option(
    name: .customLong("prior"),
    help: ArgumentHelp(
      "In place of --model: restore by any model that samples, such as digits; with --scale, --mask, --colorize or --noise.",
      valueName: "model"))
  var model: String?

  @Option(name: .customLong("class"), help: "With --prior: the class of the pictures, by name or number.")
  var className: String?

  @Option(
    help: ArgumentHelp("With --prior: a picture of the same size, white where the pictures are made up anew.", valueName: "image"))
  var mask: String?

  @Flag(help: "With --prior: give grey pictures colours.")
  var colorize = false

  @Option(help: ArgumentHelp("With --prior: the standard deviation of the pictures' noise, in levels of 255.", valueName: "levels"))
  var noise: Double?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "With --prior: override a value of sampler or sampling, as sampling.guidance_scale=2; docs/samplers.md lists them.",
      valueName: "key=value"))
  var set: [String] = []

  /// - Throws: `ValidationError` for flags without a prior.
  func validate() throws {
    guard model == nil else { return }
    let given = [
      ("--class", className != nil), ("--mask", mask != nil), ("--colorize", colorize), ("--noise", noise != nil), ("--set", !set.isEmpty),
    ]
    if let flag = given.first(where: \.1)?.0 { throw ValidationError("\(flag) is for restoring by a prior; add --prior MODEL") }
  }

  /// Nil without a prior.
  var request: PriorRequest? {
    guard model != nil else { return nil }
    var request = PriorRequest()
    (request.className, request.mask, request.colorize) = (className, mask, colorize)
    (request.noise, request.settings) = (noise ?? 0, set)
    return request
  }
}
