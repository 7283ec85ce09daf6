import Checkpoints
import Failures
import Imaging

/// Samples as arrays, in guided-diffusion's format.
public enum SampleArchive {
  /// `arr_0`: uint8 `[N, H, W, C]`; `arr_1`, if there are classes: int64 `[N]`.
  public static func write(_ images: [Image], labels: [Int?], to path: String) throws {
    guard let first = images.first else { throw SfumatoError(.usage, "there are no images to write") }
    let shape = [images.count, first.height, first.width, first.channels]
    var arrays = [("arr_0", NPY.encode(images.flatMap(\.bytes), shape: shape, dtype: .uint8))]
    let numbers = labels.compactMap { $0 }
    if numbers.count == images.count {
      let bytes = numbers.flatMap { number in withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) } }
      arrays.append(("arr_1", NPY.encode(bytes, shape: [numbers.count], dtype: .int64)))
    }
    try NPY.write(arrays.map { (name: $0.0, npy: $0.1) }, to: path)
  }
}
