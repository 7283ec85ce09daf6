import NN

/// How many groups of channels a group norm has.
public enum Normalization: String, Codable, Sendable, CaseIterable {
  /// 32, whatever the channels, as in guided-diffusion.
  case openai
  /// Groups by the number of channels, as in DL-Art-School: 8 up to 16, 16 up to 64, else 32, halved until they divide them.
  case dlas

  /// Channels must be multiples of it.
  var step: Int { self == .openai ? 32 : 4 }

  public func groups(of channels: Int) -> Int {
    guard self == .dlas else { return 32 }
    var groups = channels <= 16 ? 8 : channels <= 64 ? 16 : 32
    while groups > 1 && channels % groups != 0 { groups /= 2 }
    return groups
  }

  func make(_ channels: Int, using initializer: Initializer) -> GroupNorm {
    GroupNorm(channels, groups: groups(of: channels), using: initializer)
  }
}
