import Tensors

/// The names and shapes of a checkpoint's tensors: all that a network is recognised by.
public struct CheckpointShapes: Sendable {
  /// No network has a longer axis. A header may claim any number, so that nothing larger is counted with.
  static let longestAxis = 1 << 24

  public let names: [String]
  private let shapes: [String: [Int]]

  public init(_ tensors: [(name: String, shape: [Int])]) {
    names = tensors.map(\.name)
    shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
  }

  public init(_ state: StateDict) { self.init(state.entries.map { ($0.name, $0.tensor.shape) }) }

  public var count: Int { names.count }

  public subscript(name: String) -> [Int]? { shapes[name] }

  func has(_ name: String) -> Bool { shapes[name] != nil }

  /// The length of a tensor's axis; nil without such a tensor, without such an axis, and for a length that no network has.
  func size(_ name: String, _ axis: Int) -> Int? {
    guard let shape = shapes[name], shape.indices.contains(axis), (0...Self.longestAxis).contains(shape[axis]) else { return nil }
    return shape[axis]
  }

  /// Whether all landmarks are there: a name, or the beginning of one where the landmark ends in a dot.
  func have(_ landmarks: [String]) -> Bool {
    landmarks.allSatisfy { landmark in landmark.hasSuffix(".") ? names.contains { $0.hasPrefix(landmark) } : has(landmark) }
  }

  /// The same shapes under other names.
  func renamed(_ rename: (String) -> String) -> Self { Self(names.map { (rename($0), shapes[$0] ?? []) }) }
}
