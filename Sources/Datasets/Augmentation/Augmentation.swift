import Foundation
import Imaging

/// The augmentation of one image, sampled first, so that image and labels agree.
struct Augmentation: Equatable {
  var flipsX = false, flipsY = false
  /// Counterclockwise.
  var quarterTurns = 0
  /// Whole pixels to the right and, as EDM has it, upwards.
  var pixelsRight = 0, pixelsUp = 0
  /// Binary logarithms of scale and stretch in units of their deviations, standard normal.
  var scale = 0.0, stretch = 0.0
  /// Counterclockwise, in radians; where the axis of the stretch points.
  var angle = 0.0, axis = 0.0
  /// Translations to the right and downwards, standard normal.
  var right = 0.0, down = 0.0
}

extension AugmentationRecipe {
  /// Changes an image as the recipe says, or leaves it as it is.
  /// - Parameter random: a stream of this image and this visit to it; how much is drawn depends on the recipe alone.
  /// - Returns: an image of the same shape, and `labelCount` numbers for the network, all zero for an image that is left alone.
  /// - Precondition: there is no `problem` to images of this size.
  func augment(_ image: Image, random: inout StableRandom) -> (image: Image, labels: [Float]) {
    guard isOn else { return (image, []) }
    let drawn = draw(height: image.height, width: image.width, random: &random)
    return (apply(drawn, to: image), labels(of: drawn, height: image.height, width: image.width))
  }

  func draw(height: Int, width: Int, random: inout StableRandom) -> Augmentation {
    var drawn = Augmentation()
    for kind in pipe {
      // Values first, then whether they count: what one image gets does not shift what the kinds after it get.
      var trial = drawn
      draw(kind, into: &trial, height: height, width: width, random: &random)
      let share = random.uniform()
      if kind == .xflip || share < probability { drawn = trial }
    }
    return drawn
  }

  private func draw(_ kind: AugmentationKind, into draw: inout Augmentation, height: Int, width: Int, random: inout StableRandom) {
    switch kind {
    case .xflip: draw.flipsX = random.below(2) == 1
    case .yflip: draw.flipsY = random.below(2) == 1
    case .rotateInt: draw.quarterTurns = random.below(4)
    case .translateInt:
      draw.pixelsRight = Int((random.uniform(-1, 1) * translateIntMax * Double(width)).rounded())
      draw.pixelsUp = Int((random.uniform(-1, 1) * translateIntMax * Double(height)).rounded())
    case .scale: draw.scale = random.normal()
    case .rotateFrac: draw.angle = random.uniform(-.pi, .pi) * rotateFracMax
    case .aniso:
      draw.stretch = random.normal()
      let axis = random.uniform(-.pi, .pi)
      draw.axis = random.uniform() < anisoRotateProb ? axis : 0
    case .translateFrac:
      draw.right = random.normal()
      draw.down = random.normal()
    }
  }

  /// The numbers of EDM: flips and quarter turns as 0 and 1, angles by sine and cosine less those of no turn, deviations of the rest.
  func labels(of draw: Augmentation, height: Int, width: Int) -> [Float] {
    pipe.flatMap { kind -> [Double] in
      switch kind {
      case .xflip: [draw.flipsX ? 1 : 0]
      case .yflip: [draw.flipsY ? 1 : 0]
      case .rotateInt: [[1, 2].contains(draw.quarterTurns) ? 1 : 0, draw.quarterTurns >= 2 ? 1 : 0]
      case .translateInt:
        [Double(draw.pixelsRight) / (translateIntMax * Double(width)), Double(draw.pixelsUp) / (translateIntMax * Double(height))]
      case .scale: [draw.scale]
      case .rotateFrac: [cos(draw.angle) - 1, sin(draw.angle)]
      case .aniso: [draw.stretch * cos(draw.axis), draw.stretch * sin(draw.axis)]
      case .translateFrac: [draw.right, draw.down]
      }
    }.map(Float.init)
  }

  /// Whole pixels first, then all else at once, so that an image is read between its pixels once at most.
  func apply(_ draw: Augmentation, to image: Image) -> Image {
    var image = image
    if draw.flipsX { image = image.flippedHorizontally() }
    if draw.flipsY { image = image.flippedVertically() }
    if draw.quarterTurns > 0 { image = image.rotated(quarterTurns: -draw.quarterTurns) }
    if draw.pixelsRight != 0 || draw.pixelsUp != 0 { image = image.moved(right: draw.pixelsRight, up: draw.pixelsUp) }
    let map = sourceMap(draw, height: image.height, width: image.width)
    return map == PlaneMap() ? image : AffineResampler(image).image(through: map)
  }

  /// Where in the image each place of the result comes from, both in pixels from the middle.
  func sourceMap(_ draw: Augmentation, height: Int, width: Int) -> PlaneMap {
    let scale = exp2(-scaleStd * draw.scale), stretch = exp2(-anisoStd * draw.stretch)
    return .scaling(scale, scale) * .turning(draw.angle) * .turning(-draw.axis) * .scaling(stretch, 1 / stretch) * .turning(draw.axis)
      * .moving(-draw.right * translateFracStd * Double(width), -draw.down * translateFracStd * Double(height))
  }
}

extension StableRandom {
  /// Mean 0, deviation 1 (Box and Muller 1958). Its last digit is the system's mathematics library's.
  fileprivate mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}
