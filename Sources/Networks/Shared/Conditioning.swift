import Tensors

/// What a network is conditioned on beside the noisy images and the timesteps: one row an image.
public struct Conditioning {
  /// Class numbers, `[N]` int64.
  public var labels: Tensor?
  /// Context vectors of the network's `context_dim`, such as text embeddings, `[N, D]`; zeros stand for no context.
  public var context: Tensor?
  /// Texts as bytes, `[N, L]` int64, of which a text encoder makes the context; zeros follow the end of each, and empty ones stand for no
  /// context.
  public var text: Tensor?
  /// The image to enlarge, `[N, C, h, w]` in [-1, 1].
  public var lowRes: Tensor?
  /// The strength of each corruption of `lowRes`, `[N, F]` in [0, 1].
  public var corruptionStrengths: Tensor?
  /// The augmentation of each image, `[N, augment_dim]`; zeros, or nil, for images that were not augmented, as in sampling.
  public var augmentation: Tensor?

  public init(
    labels: Tensor? = nil, context: Tensor? = nil, text: Tensor? = nil, lowRes: Tensor? = nil, corruptionStrengths: Tensor? = nil,
    augmentation: Tensor? = nil
  ) {
    self.labels = labels
    self.context = context
    self.text = text
    self.lowRes = lowRes
    self.corruptionStrengths = corruptionStrengths
    self.augmentation = augmentation
  }
  public static var none: Conditioning { Conditioning() }
}

/// The inputs that a network takes: the one place where others are refused.
struct NetworkInputs {
  enum Demand { case absent, optional, required }

  /// The network's name, for messages.
  let network: String
  /// Channels of the images.
  let channels: Int
  var labels = Demand.absent
  var context = Demand.absent, contextDim = 0
  var lowRes = Demand.absent
  /// Length of the corruption strengths; 0: none are read.
  var corruptions = 0
  /// Length of the augmentation labels; 0: none are read.
  var augmentations = 0

  /// A tensor with the fault that says what is wrong; nil when everything fits.
  func problem(with x: Tensor, _ timesteps: Tensor, _ conditioning: Conditioning) -> Tensor? {
    let optional = [
      conditioning.labels, conditioning.context, conditioning.text, conditioning.lowRes, conditioning.corruptionStrengths,
      conditioning.augmentation,
    ]
    let given = [x, timesteps] + optional.compactMap { $0 }
    if let failed = given.first(where: { $0.fault != nil }) { return failed }
    return problem(x, timesteps, conditioning).map { x.failed(network, $0) }
  }

  private func problem(_ x: Tensor, _ timesteps: Tensor, _ conditioning: Conditioning) -> String? {
    let n = x.size(0)
    if x.rank != 4 || x.size(1) != channels { return "expected images [N, \(channels), H, W], found \(x.shape)" }
    if timesteps.shape != [n] { return "expected timesteps of shape [\(n)], one an image, found \(timesteps.shape)" }
    return problem(conditioning.labels, labels, "labels", has: "classes") { $0 == [n] ? nil : "of shape [\(n)], one an image" }
      ?? problem(conditioning.context, context, "context vectors", has: "context") {
        $0 == [n, contextDim] ? nil : "of shape [\(n), \(contextDim)], one an image"
      }
      ?? problem(conditioning.text, .absent, "texts", has: "text encoder") { _ in nil }
      ?? problem(conditioning.lowRes, lowRes, "low-resolution images", has: "low-resolution input") {
        $0.count == 4 && $0[0] == n && $0[1] == channels && $0[2] > 0 && $0[3] > 0 ? nil : "of shape [\(n), \(channels), h, w]"
      }
      ?? problem(conditioning.corruptionStrengths, corruptions > 0 ? .optional : .absent, "corruption strengths", has: "corruption input") {
        $0 == [n, corruptions] ? nil : "of shape [\(n), \(corruptions)], one row an image"
      }
      ?? problem(conditioning.augmentation, augmentations > 0 ? .optional : .absent, "augmentation labels", has: "augmentation input") {
        $0 == [n, augmentations] ? nil : "of shape [\(n), \(augmentations)], one row an image"
      }
  }

  /// - Parameter expected: the shape that a tensor should have had; nil when it fits.
  private func problem(
    _ tensor: Tensor?, _ demand: Demand, _ name: String, has: String, _ expected: ([Int]) -> String?
  ) -> String? {
    switch (tensor, demand) {
    case (nil, .required): return "this network needs \(name)"
    case (nil, _): return nil
    case (_?, .absent): return "this network has no \(has), but \(name) were given"
    case (let tensor?, _): return expected(tensor.shape).map { "expected \(name) \($0), found \(tensor.shape)" }
    }
  }
}
