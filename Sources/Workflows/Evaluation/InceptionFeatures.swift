import Checkpoints
import Datasets
import Failures
import Foundation
import Imaging
import Networks
import Tensors

/// The features of InceptionV3 that published Fréchet distances are of, and its class probabilities, from the published weight file.
struct InceptionFeatures: FeatureExtractor {
  let name: String, identity: String
  let shape = ImageShape(height: InceptionV3.side, width: InceptionV3.side, channels: 3)
  let fitted: ImageShape?
  let classNames: [String] = []
  /// As the score was published: ten, without the bias of the last linear map.
  let scoreSplits: Int? = 10
  /// Pillow, by which the field reads pictures, converts none.
  let profiles = ColorProfiles.ignored
  let resizing: PictureResizing?
  private let network: InceptionV3, device: Device

  /// Pictures that the network computes at a time on the CPU: 64 take 2 GB, and no less time each.
  private static let most = 16

  /// The tensors of a file with an InceptionV3; nil for other files.
  /// - Throws: what a damaged PyTorch file throws.
  static func state(of path: String) throws -> StateDict? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { return nil }
    // A file of safetensors that cannot be read is refused as a classifier, which most are.
    let isPlain = TensorFile.format(of: path) == .safetensors
    guard let file = isPlain ? try? TensorFile(path) : try TensorFile(path), InceptionV3.isOne(file.state) else { return nil }
    return file.state
  }

  /// - Parameters:
  ///   - state: of the file at `path`.
  ///   - size: height and width to which pictures are fitted beforehand; nil for their own.
  /// - Throws: as `InceptionV3`.
  init(_ state: StateDict, of path: String, resizing: PictureResizing?, size: Int?, on device: Device) throws {
    let resizing = resizing ?? .pytorchFID
    network = try InceptionV3(state, on: device, name: path)
    (name, self.device, self.resizing) = (path, device, resizing)
    fitted = size.map { ImageShape(height: $0, width: $0, channels: 3) }
    let before = size.map { " \($0)" } ?? ""
    identity = "inception \(try FileChecksum(ofFile: path).crc32) \(resizing.rawValue)\(before)"
  }

  func callAsFunction(_ images: [Image]) throws -> ExtractedFeatures {
    let input = try resized(images).validated()
    let most = device == .cpu ? Self.most : images.count
    let parts = stride(from: 0, to: images.count, by: most).map { start in
      withoutGradient { network(input.narrow(0, start, min(most, images.count - start)).to(device)) }
    }
    return ExtractedFeatures(
      features: try Tensor.cat(parts.map(\.features), dim: 0).to(.cpu).validated(),
      logProbabilities: try Tensor.cat(parts.map(\.logits), dim: 0).logSoftmax(1).to(.cpu).validated())
  }

  /// `[N, 3, 299, 299]`, on the CPU.
  private func resized(_ images: [Image]) throws -> Tensor {
    resizing == .cleanFID ? try cleanly(images) : bilinearly(images)
  }

  private func bilinearly(_ images: [Image]) -> Tensor {
    let sizes = Set(images.map { [$0.height, $0.width] })
    let groups = sizes.count == 1 ? [images] : images.map { [$0] }
    let resized = groups.map { group in
      let pixels = Tensor(group.flatMap(\.bytes), [group.count, group[0].height, group[0].width, 3]).permute(0, 3, 1, 2)
      return (pixels.to(.float32) / 255).interpolate(height: shape.height, width: shape.width, .bilinear)
    }
    return .cat(resized, dim: 0) * 2 - 1
  }

  private func cleanly(_ images: [Image]) throws -> Tensor {
    let (height, width) = (shape.height, shape.width)
    let resized = DataInspection.onAllCores(images.indices) { at in
      Result { try images[at].resizedFloats(width: width, height: height) }
    }
    let samples = try resized.map { Tensor(try $0.get(), [1, height, width, 3]) }
    return (Tensor.cat(samples, dim: 0).permute(0, 3, 1, 2) - 128) / 128
  }
}
