import Checkpoints
import Datasets
import Failures
import Models
import NN
import Networks
import Tensors

/// The conditioning of each image to be sampled: a class, a context vector, or none.
struct SamplingConditions {
  /// The class number of each image; nil for no class.
  let labels: [Int?]
  /// Context vectors that images take in turn, `[K, D]` float32; nil without.
  let vectors: Tensor?
  /// The texts that the vectors are of; nil without.
  let texts: [String]?
  private let data: DataSpec
  private let device: Device
  private let takesText: Bool

  /// - Parameter encoder: that of the model's texts; nil for a model without.
  /// - Throws: `SfumatoError` for classes, vectors or texts that the model does not take; errors from reading the vectors' file.
  init(_ request: SamplingRequest, _ data: DataSpec, _ encoder: TextEncoder? = nil, on device: Device) throws {
    (self.data, self.device) = (data, device)
    takesText = encoder != nil
    if case .texts(let given)? = request.contexts {
      let texts = try Self.texts(given, request, data, encoder)
      (self.texts, vectors) = (texts, try encoder.map { try Self.vectors(of: texts, by: $0, on: device) })
    } else {
      (texts, vectors) = (nil, try request.contexts.map { try Self.vectors($0, request, data).to(device) })
    }
    labels = try Self.labels(request, data, takesText: takesText)
    guard vectors != nil || data.contextSize == nil || data.nullContext else {
      throw SfumatoError(
        .usage,
        takesText
          ? "this model needs a text for every image; give one with --text"
          : "this model needs a context vector for every image; give vectors of \(data.contextSize ?? 0) numbers with --context")
    }
  }

  /// Whether any image has a class or a vector.
  var isConditional: Bool { vectors != nil || labels.contains { $0 != nil } }

  /// The condition of some images: classes `[N]` or vectors `[N, D]`, null ones where none was requested; nil for an unconditional
  /// network.
  func condition(_ range: Range<Int>) -> Tensor? {
    if let vectors { return vectors.indexSelect(0, Tensor(range.map { $0 % vectors.size(0) }).to(device)) }
    let classes = labels[range].compactMap { $0 ?? data.nullClass }
    return classes.isEmpty ? null(range) : Tensor(classes).to(device)
  }

  /// The null condition of some images; nil for a model without one.
  func null(_ range: Range<Int>) -> Tensor? {
    if data.nullContext, let size = data.contextSize { return .zeros([range.count, size], on: device) }
    return data.nullClass.map { Tensor(Array(repeating: $0, count: range.count)).to(device) }
  }

  /// - Parameter condition: from `condition(_:)` or `null(_:)`.
  func conditioning(_ condition: Tensor?) -> Conditioning {
    data.contextSize == nil ? Conditioning(labels: condition) : Conditioning(context: condition)
  }

  /// Checks that the model supports the guidance scale and that there is a condition to guide towards.
  func check(guidance scale: Double, of request: SamplingRequest) throws {
    let (null, condition) =
      takesText ? ("empty text", "text") : data.contextSize == nil ? ("null class", "class") : ("null vector", "vector")
    guard scale == 1 || !isConditional || data.knowsNull else {
      throw SfumatoError(
        .usage,
        "guidance \(scale) needs a model that was trained with training.class_dropout above 0; this one has no \(null), so use 1")
    }
    guard scale == 1 || isConditional || request.guidanceScale == nil && !request.sets("sampling.guidance_scale") else {
      throw SfumatoError(.usage, "guidance \(scale) needs a \(condition), and no \(condition) was requested; leave one of the two out")
    }
  }
}

// MARK: Classes

extension SamplingConditions {
  private static func labels(_ request: SamplingRequest, _ data: DataSpec, takesText: Bool) throws -> [Int?] {
    let none = [Int?](repeating: nil, count: request.count)
    switch request.classes {
    case .all:
      let real = data.realClasses
      return real.isEmpty ? none : (0..<request.count).map { real[$0 % real.count] }
    case .only(let names):
      // For a model without classes they are the classifier's.
      if data.classNames.isEmpty, request.classifier != nil { return none }
      if takesText { throw SfumatoError(.usage, "this model takes texts, not classes; give some with --text") }
      if let size = data.contextSize {
        throw SfumatoError(.usage, "this model takes context vectors of \(size) numbers, not classes; give some with --context")
      }
      let numbers = try data.classNumbers(names)
      guard !numbers.isEmpty else { throw SfumatoError(.usage, "no class was named; name some, or all") }
      return (0..<request.count).map { numbers[$0 % numbers.count] }
    case .none:
      guard data.classNames.isEmpty || data.nullClass != nil else {
        throw SfumatoError(.usage, "this model needs a class for every image; name some, or all")
      }
      return none
    }
  }
}

// MARK: Vectors

extension SamplingConditions {
  private static func vectors(_ contexts: SamplingRequest.Contexts, _ request: SamplingRequest, _ data: DataSpec) throws -> Tensor {
    guard let size = data.contextSize else {
      throw SfumatoError(
        .usage,
        data.classNames.isEmpty
          ? "this model is unconditional and takes no context vectors; leave --context out"
          : "this model takes classes, not context vectors; name classes with --class")
    }
    guard request.classes != .none else {
      throw SfumatoError(.usage, "'no class' and context vectors exclude each other; leave one of --class and --context out")
    }
    switch contexts {
    case .texts: throw SfumatoError(.internal, "texts are encoded by the model")
    case .file(let path): return try checked(NPY.read(path), size, path)
    case .vectors(let rows):
      guard rows.allSatisfy({ $0.count == size }) else {
        throw SfumatoError(.usage, "expected vectors of \(size) numbers, found \(rows.first { $0.count != size }?.count ?? 0)")
      }
      return try checked(Tensor(rows.flatMap { $0 }, [rows.count, size]), size, "the context vectors")
    }
  }

  /// The vectors as `[K, D]` float32.
  private static func checked(_ array: Tensor, _ size: Int, _ name: String) throws -> Tensor {
    let rows = array.rank == 1 ? array.unsqueeze(0) : array
    guard array.dtype.isFloatingPoint, rows.rank == 2, rows.size(0) > 0, rows.size(1) == size else {
      throw SfumatoError(
        .data,
        "\(name): expected floating-point numbers of the shape [K, \(size)], a row for each vector, or [\(size)], found \(array.dtype) "
          + "\(array.shape)")
    }
    let vectors = rows.to(.float32)
    if let row = try vectors.isFinite().to(.float32).min(1).floats().firstIndex(of: 0) {
      throw SfumatoError(.data, "\(name): vector \(row) contains a number that is not finite as float32")
    }
    return vectors
  }
}
