import Imaging

/// One entry of an event file of TensorBoard: the message `tensorflow.Event` (event.proto), with what we write of `Summary`
/// (summary.proto) and `SessionLog`.
struct TensorBoardEvent {
  enum Content {
    /// Begins every file.
    case fileVersion
    /// A session begins: what earlier files have of later steps is not shown any more.
    case sessionStart
    case scalars([(tag: String, value: Double)])
    /// A picture as PNG.
    case image(tag: String, Image)
    /// Text in Markdown.
    case text(tag: String, String)
  }

  /// Seconds since 1970.
  let wallTime: Double
  let step: Int
  let content: Content

  /// - Throws: `ImagingError` when a picture cannot be encoded.
  func encoded() throws -> [UInt8] {
    var event = ProtobufMessage()
    event.add(1, wallTime)
    event.add(2, step)
    switch content {
    case .fileVersion: event.add(3, "brain.Event:2")
    case .sessionStart:
      var session = ProtobufMessage()
      session.add(1, 1)
      event.add(7, session)
    case .scalars(let scalars): event.add(5, Self.summary(scalars))
    case .image(let tag, let image): event.add(5, try Self.summary(tag, image))
    case .text(let tag, let text): event.add(5, Self.summary(tag, text))
    }
    return event.bytes
  }

  private static func summary(_ scalars: [(tag: String, value: Double)]) -> ProtobufMessage {
    var summary = ProtobufMessage()
    for (tag, value) in scalars {
      var entry = ProtobufMessage()
      entry.add(1, tag)
      entry.add(2, Float(value))
      summary.add(1, entry)
    }
    return summary
  }

  /// `Summary.Image`: height, width, number of channels, encoded picture.
  private static func summary(_ tag: String, _ image: Image) throws -> ProtobufMessage {
    var picture = ProtobufMessage()
    for (field, value) in [(1, image.height), (2, image.width), (3, image.channels)] { picture.add(field, value) }
    picture.add(4, try image.encoded(as: .png))
    var entry = ProtobufMessage(), summary = ProtobufMessage()
    entry.add(1, tag)
    entry.add(4, picture)
    summary.add(1, entry)
    return summary
  }

  /// A tensor of one string, for the plugin `text`.
  private static func summary(_ tag: String, _ text: String) -> ProtobufMessage {
    var dimension = ProtobufMessage(), shape = ProtobufMessage(), tensor = ProtobufMessage()
    dimension.add(1, 1)
    shape.add(2, dimension)
    tensor.add(1, 7)  // DT_STRING
    tensor.add(2, shape)
    tensor.add(8, text)
    var plugin = ProtobufMessage(), metadata = ProtobufMessage(), entry = ProtobufMessage(), summary = ProtobufMessage()
    plugin.add(1, "text")
    metadata.add(1, plugin)
    entry.add(1, "\(tag)/text_summary")
    entry.add(9, metadata)
    entry.add(8, tensor)
    summary.add(1, entry)
    return summary
  }
}
