/// User-supplied betas.
public struct GivenSchedule: Schedule {
  public static let name = "given"

  /// β_t for t = 0 … T − 1, each in (0, 1]. A last one of 1 ends in pure noise, which epsilon prediction cannot start from.
  public var betas: [Double] = []

  public init() {}
  public init(betas: [Double]) { self.betas = betas }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] { betas.map { Real($0) } }
}
