import Foundation

/// The sizes through which a picture becomes larger: passes of the network, then a reduction where they lead too far.
struct RestorationPasses: Sendable, Equatable {
  struct Pass: Sendable, Equatable {
    /// The size of the degraded picture that the network is given.
    let width: Int, height: Int
    /// How far that was enlarged before, from 0, not at all, to 1, by the model's `reduction_factor`.
    let reduction: Double
  }
  let passes: [Pass]
  /// Width and height of the result.
  let width: Int, height: Int
  private let factor: Int

  /// - Parameters:
  ///   - scale: from 1.
  ///   - factor: how much the network itself enlarges; 1 for one that reads pictures at the size of the result.
  ///   - reduction: how much a picture is enlarged at most before a network that does not enlarge.
  init(width: Int, height: Int, scale: Double, factor: Int, reduction: Double = 2) {
    func scaled(_ side: Int, _ scale: Double) -> Int { max(1, Int((Double(side) * scale).rounded())) }
    (self.width, self.height, self.factor) = (scaled(width, scale), scaled(height, scale), factor)
    let step = factor > 1 ? Double(factor) : reduction
    // A scale of 4 is two passes also where the logarithm is 2.0000001.
    let count = max(1, Int((log(scale) / log(step) - 1e-9).rounded(.up)))
    passes = (0..<count).map { index in
      let before = pow(step, Double(index))
      if factor > 1 { return Pass(width: scaled(width, before), height: scaled(height, before), reduction: 0) }
      let after = count == 1 ? scale : before * step
      return Pass(width: scaled(width, after), height: scaled(height, after), reduction: min((after / before - 1) / (reduction - 1), 1))
    }
  }

  /// The strengths of a pass: a picture that has been restored once is clean but for its reduction.
  /// - Parameters:
  ///   - first: the strengths of the picture, without the reduction of its passes.
  ///   - names: theirs.
  func strengths(_ first: [Double], names: [String], pass: Int) -> [Double] {
    zip(names, first).map { name, value in
      let own = pass == 0 ? value : 0
      return name == StrengthChoice.reduction ? max(own, passes[pass].reduction) : own
    }
  }

  /// The picture's size after a pass.
  func size(after pass: Pass) -> (width: Int, height: Int) { (pass.width * factor, pass.height * factor) }
}
