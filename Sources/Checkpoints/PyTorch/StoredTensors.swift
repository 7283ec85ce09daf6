import Tensors

/// Makes the tensors of a pickle out of the file's bytes: views of the mapped pages wherever they lie at multiples of their
/// element's size. Tensors that share a storage in the file share it here.
struct StoredTensors {
  private let file: MappedFile
  private let path: String
  private let pickle: Pickle
  private let ranges: [String: Range<Int>]
  private let halfPrecision: PyTorchFile.HalfPrecision
  /// The elements of each storage as a vector, by the storage's key.
  private var storages: [String: Tensor] = [:]
  /// Bytes of the tensors made so far, each counted in full.
  private var byteCount = 0
  private var tensorCount = 0

  /// - Parameter ranges: where each storage's bytes lie in the file.
  /// - Throws: when a storage that the pickle tells of is not there or has another length.
  init(
    _ pickle: Pickle, in file: MappedFile, path: String, ranges: [String: Range<Int>], halfPrecision: PyTorchFile.HalfPrecision,
    entry: (String) -> String
  ) throws(CheckpointError) {
    (self.file, self.path, self.pickle, self.ranges, self.halfPrecision) = (file, path, pickle, ranges, halfPrecision)
    for storage in pickle.storages {
      let expected = storage.total * storage.dtype.size
      guard let found = ranges[storage.key]?.count else {
        throw CheckpointError(.invalid, path, "\(entry(String(storage.key.prefix(60)))) is missing; expected \(expected) bytes")
      }
      guard found == expected else {
        throw CheckpointError(
          .invalid, path,
          "\(entry(String(storage.key.prefix(60)))) has \(found) bytes; expected \(expected) for \(storage.total) of \(storage.dtype)")
      }
    }
  }

  /// What a tensor is, without its numbers.
  func summary(_ index: Int) -> (dtype: DType, shape: [Int]) {
    (pickle.storages[pickle.tensors[index].storage].dtype, pickle.tensors[index].shape)
  }

  /// - Parameter name: for messages.
  mutating func tensor(_ index: Int, name: String) throws -> Tensor {
    let view = pickle.tensors[index], storage = pickle.storages[view.storage]
    try charge(view, storage.dtype, name)
    guard !view.shape.contains(0) else { return try widened(.empty(view.shape, dtype: storage.dtype)).validated() }
    let whole = try elements(of: storage)
    return try whole.strided(view.shape, strides: view.strides, from: storage.range.lowerBound + view.start).validated()
  }

  /// One tensor may stand under any number of names; no network has so many.
  static let tensorLimit = 200_000

  /// Repetition by strides costs nothing here, but would wherever the tensors are written or changed.
  private mutating func charge(_ view: Pickle.TensorView, _ dtype: DType, _ name: String) throws(CheckpointError) {
    tensorCount += 1
    guard tensorCount <= Self.tensorLimit else { throw CheckpointError(.invalid, path, "holds more than \(Self.tensorLimit) tensors") }
    let limit = 16 * file.bytes.count + 1 << 20
    let (bytes, overflow) = (Pickle.TensorView.count(view.shape) ?? .max).multipliedReportingOverflow(by: dtype.size)
    guard !overflow, bytes <= limit - byteCount else {
      throw CheckpointError(
        .invalid, path,
        "tensor '\(name.prefix(100))' of shape \(view.shape) repeats what is there: the tensors would take more than \(limit) bytes, sixteen times the file"
      )
    }
    byteCount += bytes
  }

  private mutating func elements(of storage: Pickle.Storage) throws -> Tensor {
    if let known = storages[storage.key] { return known }
    let range = ranges[storage.key]!, start = file.bytes.baseAddress! + range.lowerBound
    let isAligned = Int(bitPattern: start) % storage.dtype.size == 0
    let copy = isAligned ? nil : file.copy(range)
    let stored = Tensor(borrowing: copy.map { UnsafeRawPointer($0.start) } ?? start, [storage.total], storage.dtype, owner: copy ?? file)
    let tensor = try widened(stored).validated()
    if isAligned && tensor.dtype != storage.dtype { file.release(range) }
    storages[storage.key] = tensor
    return tensor
  }

  private func widened(_ tensor: Tensor) -> Tensor {
    halfPrecision == .widened && (tensor.dtype == .float16 || tensor.dtype == .bfloat16) ? tensor.to(.float32) : tensor
  }
}
