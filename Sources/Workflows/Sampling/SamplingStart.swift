import Checkpoints
import Diffusion
import Failures
import Imaging
import Models
import Tensors
import Training

/// The start of the runs and the levels they visit, from a request.
struct SamplingStart {
  /// The levels, not necessarily descending.
  let path: [NoiseLevel]
  /// The part kept by inpainting, `[1, C, H, W]`.
  let known: KnownRegion?
  private let origin: Origin

  private enum Origin {
    case noise
    /// Standard normal numbers for all images, `[N, C, H, W]`.
    case array(Tensor)
    /// One picture for all images, `[1, C, H, W]`.
    case picture(Tensor)
  }

  /// - Parameter levels: descending, from noise to the final level.
  init(_ request: SamplingRequest, _ levels: [NoiseLevel], _ sampling: SamplingRecipe, _ data: DataSpec, on device: Device) throws {
    do {
      path = try Self.path(request, levels, sampling)
    } catch let error as SamplingPathError {
      throw SfumatoError(.usage, "\(error)")
    }
    origin =
      switch request.start {
      case .noise: .noise
      case .array(let file): .array(try Self.array(file, request.count, data).to(device))
      case .picture(let file, _): .picture(try Self.picture(file, data).to(device))
      }
    known = try request.inpainting.map { try Self.known($0, data, on: device) }
  }

  /// The run of a batch.
  /// - Parameter range: the range of the batch's images among all images.
  func run<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, _ denoiser: D, _ range: Range<Int>, shape: [Int], on device: Device, noise: N, window: NoiseWindow
  ) -> SamplingRun {
    switch origin {
    case .noise:
      SamplingRun(
        sampler, denoiser: denoiser, levels: path, shape: [range.count] + shape, on: device, noise: noise, window: window, known: known)
    case .array(let start):
      SamplingRun(
        sampler, denoiser: denoiser, levels: path, start: start.slice(0, range), noise: noise, window: window, known: known)
    case .picture(let picture):
      SamplingRun(
        sampler, denoiser: denoiser, levels: path, image: picture.repeat(range.count, 1, 1, 1), noise: noise, window: window, known: known)
    }
  }

  // MARK: Levels

  private static func path(_ request: SamplingRequest, _ levels: [NoiseLevel], _ sampling: SamplingRecipe) throws -> [NoiseLevel] {
    var path = try levels.starting(atStep: request.skippedSteps)
    if case .picture(_, let strength) = request.start {
      guard request.skippedSteps == 0 else {
        throw SfumatoError(.usage, "the strength of a start picture already sets the skipped steps; leave one of the two out")
      }
      path = try levels.starting(strength: strength)
    }
    if request.inpainting?.method == .repaint {
      path = try path.resampled(jumpLength: sampling.jumpLength, jumpSamples: sampling.jumpNSample)
    }
    guard let share = request.secondPass else { return path }
    return path + (try levels.starting(strength: share))
  }

  // MARK: Files

  private static func array(_ file: String, _ count: Int, _ data: DataSpec) throws -> Tensor {
    let array = try NPY.read(file)
    let wanted = [data.channels, data.height, data.width]
    guard array.dtype.isFloatingPoint, array.rank == 4, array.size(0) >= count, array.shape.dropFirst() == wanted[...] else {
      throw SfumatoError(
        .data,
        "\(file): expected floating-point numbers of the shape \([count] + wanted) or more images, found \(array.dtype) \(array.shape)")
    }
    return array.to(.float32)
  }

  /// A picture as model input: centre-cropped to the model's aspect ratio, resized, in its number of channels.
  static func picture(_ file: String, _ data: DataSpec) throws -> Tensor {
    try Tensor(images: [fitted(Image(file: file), data).withChannels(data.channels)])
  }

  private static func known(_ inpainting: SamplingRequest.Inpainting, _ data: DataSpec, on device: Device) throws -> KnownRegion {
    let mask = try Tensor(images: [fitted(Image(file: inpainting.mask).mask, data)])
    // White, 1, is repainted. The mask is binary: values in between, from resizing, are rounded.
    let known = mask.lt(0).to(.float32)
    try InpaintingMask.check(inpainting.mask, keepsAny: known.max().item() > 0, keepsAll: known.min().item() == 1)
    return try KnownRegion(image: picture(inpainting.picture, data).to(device), mask: known.to(device))
  }

  private static func fitted(_ image: Image, _ data: DataSpec) throws -> Image {
    let picture = image.hasAlpha ? image.flattened(over: Array(repeating: 255, count: image.channels - 1)) : image
    // The largest crop of the model's aspect ratio.
    let scale = min(Double(picture.width) / Double(data.width), Double(picture.height) / Double(data.height))
    let width = max(1, min(picture.width, Int((Double(data.width) * scale).rounded())))
    let height = max(1, min(picture.height, Int((Double(data.height) * scale).rounded())))
    let middle = picture.cropped(row: (picture.height - height) / 2, column: (picture.width - width) / 2, width: width, height: height)
    // Downscaling averages areas, as for the images that models are trained on.
    let isSmaller = data.width <= width && data.height <= height
    return try middle.resized(width: data.width, height: data.height, filter: isSmaller ? .box : .lanczos3)
  }
}
