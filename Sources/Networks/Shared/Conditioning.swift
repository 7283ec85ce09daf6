import Tensors

/// What a network is told beside the noisy images: one row an image.
public struct Conditioning {
  /// Class numbers, `[N]` int64.
  public var labels: Tensor?
  /// Vectors of the network's `context_dim`, such as a text's embedding, `[N, D]`; zeros stand for no context.
  public var context: Tensor?
  /// The image to enlarge, `[N, C, h, w]` in [-1, 1].
  public var lowRes: Tensor?
  /// How strongly each corruption acted on `lowRes`, `[N, F]` in [0, 1].
  public var corruptionStrengths: Tensor?
  /// What augmentation did to each image, `[N, augment_dim]`; zeros, or nil, for images as they are, which is what is sampled.
  public var augmentation: Tensor?

  public init(
    labels: Tensor? = nil, context: Tensor? = nil, lowRes: Tensor? = nil, corruptionStrengths: Tensor? = nil,
    augmentation: Tensor? = nil
  ) {
    self.labels = labels
    self.context = context
    self.lowRes = lowRes
    self.corruptionStrengths = corruptionStrengths
    self.augmentation = augmentation
  }
  public static var none: Conditioning { Conditioning() }
}

/// What a network reads: the one place where inputs that do not fit are refused.
struct NetworkInputs {
  enum Demand { case absent, optional, required }

  /// The network's name, for messages.
  let network: String
  /// Channels of the images.
  let channels: Int
  var labels = Demand.absent
  var context = Demand.absent, contextDim = 0
  var lowRes = Demand.absent
  /// 0: none are read.
  var corruptions = 0
  /// Numbers that tell of an image's augmentation; 0: none are read.
  var augmentations = 0

  /// A tensor that says what is wrong; nil when everything fits.
  func refusal(of x: Tensor, _ timesteps: Tensor, _ told: Conditioning) -> Tensor? {
    let given = [x, timesteps, told.labels, told.context, told.lowRes, told.corruptionStrengths, told.augmentation].compactMap { $0 }
    if let failed = given.first(where: { $0.fault != nil }) { return failed }
    return complaint(x, timesteps, told).map { x.failed(network, $0) }
  }

  private func complaint(_ x: Tensor, _ timesteps: Tensor, _ told: Conditioning) -> String? {
    let n = x.size(0)
    if x.rank != 4 || x.size(1) != channels { return "expected images [N, \(channels), H, W], found \(x.shape)" }
    if timesteps.shape != [n] { return "expected timesteps of shape [\(n)], one an image, found \(timesteps.shape)" }
    return complaint(told.labels, labels, "labels", has: "classes") { $0 == [n] ? nil : "of shape [\(n)], one an image" }
      ?? complaint(told.context, context, "context vectors", has: "context") {
        $0 == [n, contextDim] ? nil : "of shape [\(n), \(contextDim)], one an image"
      }
      ?? complaint(told.lowRes, lowRes, "low-resolution images", has: "low-resolution input") {
        $0.count == 4 && $0[0] == n && $0[1] == channels && $0[2] > 0 && $0[3] > 0 ? nil : "of shape [\(n), \(channels), h, w]"
      }
      ?? complaint(told.corruptionStrengths, corruptions > 0 ? .optional : .absent, "corruption factors", has: "corruption input") {
        $0 == [n, corruptions] ? nil : "of shape [\(n), \(corruptions)], one row an image"
      }
      ?? complaint(told.augmentation, augmentations > 0 ? .optional : .absent, "augmentation labels", has: "augmentation input") {
        $0 == [n, augmentations] ? nil : "of shape [\(n), \(augmentations)], one row an image"
      }
  }

  /// - Parameter expected: what shape a tensor should have had; nil when it fits.
  private func complaint(
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
