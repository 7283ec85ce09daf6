import Foundation

/// An affine map of the plane, x to the right and y downwards: (x, y) goes to (xx x + xy y + x0, yx x + yy y + y0).
struct PlaneMap: Equatable {
  var xx = 1.0, xy = 0.0, x0 = 0.0
  var yx = 0.0, yy = 1.0, y0 = 0.0

  static func scaling(_ x: Double, _ y: Double) -> PlaneMap { PlaneMap(xx: x, yy: y) }
  static func moving(_ x: Double, _ y: Double) -> PlaneMap { PlaneMap(x0: x, y0: y) }

  /// Rotation by an angle in radians, x towards y; exactly the identity for 0.
  static func turning(_ angle: Double) -> PlaneMap {
    let c = cos(angle), s = sin(angle)
    return PlaneMap(xx: c, xy: -s, yx: s, yy: c)
  }

  func callAsFunction(_ x: Double, _ y: Double) -> (x: Double, y: Double) { (xx * x + xy * y + x0, yx * x + yy * y + y0) }

  /// First `b`, then `a`.
  static func * (a: PlaneMap, b: PlaneMap) -> PlaneMap {
    PlaneMap(
      xx: a.xx * b.xx + a.xy * b.yx, xy: a.xx * b.xy + a.xy * b.yy, x0: a.xx * b.x0 + a.xy * b.y0 + a.x0,
      yx: a.yx * b.xx + a.yy * b.yx, yy: a.yx * b.xy + a.yy * b.yy, y0: a.yx * b.x0 + a.yy * b.y0 + a.y0)
  }
}
