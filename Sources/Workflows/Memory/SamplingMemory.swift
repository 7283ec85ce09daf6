import Failures
import Models
import Tensors
import Training

/// Whether sampling a batch fits into memory. Height, width and channels come from the model's file, which may ask for anything.
enum SamplingMemory {
  /// - Parameters:
  ///   - recipe: the model, with the settings of the request.
  ///   - images: the images of a batch.
  ///   - available: bytes that the process can use.
  /// - Throws: `SfumatoError` of the class `memory` with the estimate and what would fit. Where no estimate is possible there is no
  ///   refusal.
  static func check(_ recipe: ModelRecipe, images: Int, _ precision: Precision, available: Int) throws {
    let plane = recipe.data.height * recipe.data.width
    func need(_ images: Int) -> Int? {
      // First what needs no network: its trace could overflow.
      let (least, overflows) = images.multipliedReportingOverflow(by: MemoryEstimate.samplerTensors * recipe.data.channels * plane * 4)
      if overflows || least > available { return least }
      return (try? MemoryEstimate.use(of: recipe, images: images, precision))?.bytes
    }
    func fits(_ images: Int) -> Bool { need(images).map { $0 <= available } ?? true }
    guard let bytes = need(images), bytes > available else { return }
    let batch = TrainingMemory.largestBatch(below: images, fits: fits)
    let precise = precision == .float32 ? "--precision bfloat16 takes less; " : ""
    let advice = batch > 0 ? "use --batch \(batch)" : "not even one image fits; use a smaller model or a machine with more memory"
    let batchText = images == 1 ? "an image" : "\(images) images at a time"
    throw SfumatoError(
      .memory,
      "sampling \(batchText) of \(recipe.data.height) x \(recipe.data.width) in \(precision.rawValue) needs about \(Magnitude.bytes(bytes)) of memory, and "
        + "\(Magnitude.bytes(available)) are free; \(precise)\(advice)")
  }
}
