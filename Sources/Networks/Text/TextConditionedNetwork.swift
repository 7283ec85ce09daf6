import NN
import Tensors

/// A denoising network that takes context vectors, with the text encoder that makes them: both are trained and saved together.
///
/// Its state is the network's own under the network's names, and the encoder's under `text_encoder`. Sampling encodes each text once and
/// gives the network the vectors; training gives it the texts.
public final class TextConditionedNetwork: DiffusionNetwork {
  let encoder: TextEncoder
  let network: any DiffusionNetwork

  public enum StateKeys: String, CaseIterable { case encoder = "text_encoder", network = "" }

  public init(_ network: any DiffusionNetwork, encoder: TextEncoder) { (self.encoder, self.network) = (encoder, network) }

  public var textEncoder: TextEncoder? { encoder }

  /// - Parameter conditioning: `text`, or `context` that the encoder has made of one.
  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    network(x, timesteps: timesteps, conditioning: encodingText(of: conditioning), mode: mode)
  }

  public func prepared(for dtype: DType) throws -> Self { Self(try network.prepared(for: dtype), encoder: try encoder.prepared()) }
}

extension DiffusionNetwork {
  public var textEncoder: TextEncoder? { nil }

  /// The conditioning with context vectors in place of texts.
  public func encodingText(of conditioning: Conditioning) -> Conditioning {
    guard let textEncoder, let text = conditioning.text else { return conditioning }
    var encoded = conditioning
    (encoded.context, encoded.text) = (textEncoder(text), nil)
    return encoded
  }
}
