import Failures
import NN
import Networks
import RecipeKit
import Tensors

/// What an upscaler's model file says of itself.
public struct UpscalerModelRecipe: ModelDescription {
  public static let kind = ModelKind.upscaler

  public var upscaler = RRDBNet.Recipe()
  public init() {}

  public var networkType: String { RRDBNet.Recipe.name }
  /// Of any size; these stand for them where one is counted.
  public var images: (shape: [Int], classNames: [String]) { ([upscaler.numInCh, 64, 64], []) }

  public func adapted() -> Self { self }

  public func makeModule(using initializer: Initializer) throws -> any Module { try RRDBNet(upscaler, using: initializer) }

  public func tryOut() throws {
    let network = try RRDBNet(upscaler, using: .shapes)
    let y = withoutGradient { network(.empty([1] + images.shape, on: .meta)) }
    if let fault = y.fault { throw SfumatoError(.data, "network \(networkType) cannot take images of 64 x 64: \(fault.message)") }
  }
}
