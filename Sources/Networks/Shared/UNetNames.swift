import NN

/// One system's names for the parts of its UNet: the state-dict keys of layers that compute the same.
protocol UNetNames {
  /// The names in `UNetEncoder`, `UNetTrunk`, `ResBlock`, `AttentionBlock` and `Downsample`.
  associatedtype Encoder: RawRepresentable & CaseIterable where Encoder.RawValue == String
  associatedtype Trunk: RawRepresentable & CaseIterable where Trunk.RawValue == String
  associatedtype Residual: RawRepresentable & CaseIterable where Residual.RawValue == String
  associatedtype Attention: RawRepresentable & CaseIterable where Attention.RawValue == String
  associatedtype Downsampling: RawRepresentable & CaseIterable where Downsampling.RawValue == String
  /// What faults and traces call the blocks.
  static var inputBlocks: String { get }
  static var outputBlocks: String { get }
}

/// The names of guided-diffusion, improved-diffusion and DL-Art-School.
enum OpenAINames: UNetNames {
  enum Encoder: String, CaseIterable { case timeIn = "time_embed.0", timeOut = "time_embed.2" }
  enum Trunk: String, CaseIterable { case encoder = "", norm = "out.0", conv = "out.2" }
  enum Residual: String, CaseIterable {
    case norm1 = "in_layers.0", conv1 = "in_layers.2", embedding = "emb_layers.1", norm2 = "out_layers.0", conv2 = "out_layers.3"
  }
  typealias Attention = NoStateKeys
  enum Downsampling: String, CaseIterable { case convolution = "op" }
  static let inputBlocks = "input_blocks", outputBlocks = "output_blocks"
}

/// The names of nice-diffusion.
enum NiceNames: UNetNames {
  enum Encoder: String, CaseIterable {
    case timeIn = "step_embed.0", timeOut = "step_embed.2", labelEmb = "class_embedding", inputBlocks = "downsampling"
  }
  enum Trunk: String, CaseIterable { case encoder = "", outputBlocks = "upsampling", norm = "out.0", conv = "out.2" }
  enum Residual: String, CaseIterable {
    case norm1 = "in_norm", conv1 = "in_conv", embedding = "step_embedding", norm2 = "out_norm", conv2 = "out_conv"
    case skipConnection = "skip"
  }
  enum Attention: String, CaseIterable { case qkv = "qkv_nin" }
  enum Downsampling: String, CaseIterable { case convolution = "conv" }
  static let inputBlocks = "downsampling", outputBlocks = "upsampling"
}

/// The names of diffusers' UNet2DModel, whose blocks are its own: only their layers are shared.
enum DiffusersNames: UNetNames {
  typealias Encoder = NoStateKeys
  typealias Trunk = NoStateKeys
  enum Residual: String, CaseIterable { case embedding = "time_emb_proj", skipConnection = "conv_shortcut" }
  typealias Attention = NoStateKeys
  enum Downsampling: String, CaseIterable { case convolution = "conv" }
  static let inputBlocks = "down_blocks", outputBlocks = "up_blocks"
}
