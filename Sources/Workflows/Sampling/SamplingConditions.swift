import Checkpoints
import Failures
import Models
import Networks
import Tensors

/// What a model is told of each of the images to be drawn: its class, its vector, or nothing.
struct SamplingConditions {
  /// The class number of each image; nil where the model is told none.
  let labels: [Int?]
  /// Dealt out in turn, `[K, D]` float32; nil where the model is told none.
  let vectors: Tensor?
  private let data: DataSpec
  private let device: Device

  /// - Throws: `SfumatoError` for classes or vectors that the model does not know or take; what reading a file of them throws.
  init(_ request: SamplingRequest, _ data: DataSpec, on device: Device) throws {
    (self.data, self.device) = (data, device)
    vectors = try request.contexts.map { try Self.vectors($0, request, data).to(device) }
    labels = try Self.labels(request, data)
    guard vectors != nil || data.contextSize == nil || data.nullContext else {
      throw SfumatoError(
        .usage, "this model was always told a vector of \(data.contextSize ?? 0) numbers: it cannot do without; give some by --context")
    }
  }

  /// Whether the images are asked to be something.
  var areAsked: Bool { vectors != nil || labels.contains { $0 != nil } }

  /// What the network is told of some of the images: classes `[N]` or vectors `[N, D]`, those that stand for none where nothing
  /// is asked; nil for a network that is told neither.
  func told(_ range: Range<Int>) -> Tensor? {
    if let vectors { return vectors.indexSelect(0, Tensor(range.map { $0 % vectors.size(0) }).to(device)) }
    let told = labels[range].compactMap { $0 ?? data.nullClass }
    return told.isEmpty ? null(range) : Tensor(told).to(device)
  }

  /// The same for images of which nothing is asked; nil where the model cannot do without.
  func null(_ range: Range<Int>) -> Tensor? {
    if data.nullContext, let size = data.contextSize { return .zeros([range.count, size], on: device) }
    return data.nullClass.map { Tensor(Array(repeating: $0, count: range.count)).to(device) }
  }

  /// - Parameter condition: as `told` gives it.
  func conditioning(_ condition: Tensor?) -> Conditioning {
    data.contextSize == nil ? Conditioning(labels: condition) : Conditioning(context: condition)
  }

  /// Refuses a guidance that the model cannot follow, or that is asked for without anything to draw towards.
  func check(guidance scale: Double, of request: SamplingRequest) throws {
    let (none, what) = data.contextSize == nil ? ("null class", "class") : ("null vector", "vector")
    guard scale == 1 || !areAsked || data.knowsNull else {
      throw SfumatoError(
        .usage,
        "guidance \(scale) needs a model that was trained with training.class_dropout above 0; this one knows no \(none), so use 1")
    }
    guard scale == 1 || areAsked || request.guidanceScale == nil && !request.sets("sampling.guidance_scale") else {
      throw SfumatoError(.usage, "guidance \(scale) draws towards a \(what), and no \(what) is asked for; leave one of the two out")
    }
  }
}

// MARK: Classes

extension SamplingConditions {
  private static func labels(_ request: SamplingRequest, _ data: DataSpec) throws -> [Int?] {
    let none = [Int?](repeating: nil, count: request.count)
    switch request.classes {
    case .all:
      let real = data.realClasses
      return real.isEmpty ? none : (0..<request.count).map { real[$0 % real.count] }
    case .only(let names):
      // Of a model without classes they are the classifier's.
      if data.classNames.isEmpty, request.classifier != nil { return none }
      if let size = data.contextSize {
        throw SfumatoError(.usage, "this model takes no class but vectors of \(size) numbers; give some by --context")
      }
      let numbers = try data.classNumbers(names)
      guard !numbers.isEmpty else { throw SfumatoError(.usage, "no class was named") }
      return (0..<request.count).map { numbers[$0 % numbers.count] }
    case .none:
      guard data.classNames.isEmpty || data.nullClass != nil else {
        throw SfumatoError(.usage, "this model was always told a class: it cannot do without; name one, or all")
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
          ? "this model is told nothing of its images, so it takes no context vectors; leave --context out"
          : "this model takes classes and no context vectors; name classes by --class")
    }
    guard request.classes != .none else {
      throw SfumatoError(.usage, "no class is asked for, and a context vector is; leave one of --class and --context out")
    }
    switch contexts {
    case .file(let path): return try checked(NPY.read(path), size, path)
    case .vectors(let rows):
      guard rows.allSatisfy({ $0.count == size }) else {
        throw SfumatoError(.usage, "expected vectors of \(size) numbers, found \(rows.first { $0.count != size }?.count ?? 0)")
      }
      return try checked(Tensor(rows.flatMap { $0 }, [rows.count, size]), size, "the context vectors")
    }
  }

  /// As `[K, D]` float32.
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
      throw SfumatoError(.data, "\(name): vector \(row) has a number that is not finite as float32")
    }
    return vectors
  }
}
