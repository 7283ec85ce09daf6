import Failures
import NN
import Networks
import RecipeKit
import Tensors

/// The recipe in the model file of an upscaler.
public struct UpscalerModelRecipe: ModelDescription {
  public static let kind = ModelKind.upscaler

  public var upscaler = Choice<UpscalerRegistry>(RRDBNet.Recipe())
  public init() {}

  public var networkRecipe: any RecognisableRecipe { upscaler.member }
  /// An upscaler takes images of any size; operations and memory are counted for this one.
  public var images: (shape: [Int], classNames: [String]) { ([upscaler.member.numInCh, 64, 64], []) }

  public func adapted() -> Self { self }

  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedModel? {
    UpscalerRegistry.recognised(from: shapes, side: side).map { found in
      var model = Self()
      model.upscaler = Choice(found.recipe)
      return RecognisedModel(model, found)
    }
  }

  public func tryOut() throws {
    let network = try upscaler.member.makeUpscaler(using: .shapes)
    let y = withoutGradient { network(.empty([1] + images.shape, on: .meta)) }
    if let fault = y.fault { throw SfumatoError(.data, "network \(networkType) cannot take images of 64 x 64: \(fault.message)") }
  }
}
