import Failures
import NN
import Tensors

extension InceptionV3 {
  /// The name of the published file, for messages.
  public static let publishedFile = "pt_inception-2015-12-05-6726825d.pth"
  private static let first = "Conv2d_1a_3x3.conv.weight"

  /// Whether a state dict is of some InceptionV3.
  public static func isOne(_ state: StateDict) -> Bool { state[first] != nil && state["fc.weight"] != nil }

  /// The network with the tensors of a state dict, folded, for inference.
  /// - Parameter name: of the file, for messages.
  /// - Throws: `SfumatoError` for another network, also another InceptionV3; `TorchFault`.
  public convenience init(_ state: StateDict, on device: Device, name: String) throws {
    guard let first = state[Self.first], let last = state["fc.weight"] else {
      throw SfumatoError(.data, "\(name) is no InceptionV3: it has no \(Self.first); expected \(Self.publishedFile)")
    }
    guard last.rank == 2, last.size(0) == Self.classes, !state.names.contains(where: { $0.hasPrefix("AuxLogits.") }) else {
      throw SfumatoError(
        .data,
        "\(name) is an InceptionV3 of \(last.rank == 2 ? last.size(0) : 0) classes, as torchvision publishes: its weights and pools are "
          + "others, and its features cannot be compared with published Frechet distances; expected the one of \(Self.classes) classes, "
          + Self.publishedFile)
    }
    let channels = first.rank == 4 ? first.size(0) : 0
    guard let narrowing = [1, 2, 4, 8, 16].first(where: { 32 / $0 == channels }) else {
      throw SfumatoError(
        .data, "\(name): \(Self.first) has the shape \(first.shape); expected [32, 3, 3, 3], as in \(Self.publishedFile)")
    }
    self.init(narrowing: narrowing, using: .shapes)
    // Counters that PyTorch keeps beside the statistics.
    let tensors = StateDict(state.entries.filter { !$0.name.hasSuffix(".num_batches_tracked") }.map { ($0.name, $0.tensor) })
    do { try adopt(tensors, on: device) } catch let error as StateMismatch {
      throw SfumatoError(.data, "\(name) is not the InceptionV3 of \(Self.publishedFile):\n  \(error)")
    }
    try fold()
  }
}
