/// The betas of a schedule changed so that it ends in pure noise, ᾱ_{T−1} = 0, and begins as before: √ᾱ is shifted and stretched.
/// Sampling starts from pure noise, so training must reach it too; otherwise images keep a medium brightness.
///
/// Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), Algorithm 1.
///
/// - Parameter betas: 2 or more.
/// - Throws: for betas that no process can have, and for a single one, which could not both stay and become 1.
public func zeroTerminalSNR<Real: BinaryFloatingPoint>(_ betas: [Real]) throws(DiffusionError) -> [Real] {
  try DiscreteProcess.check(betas)
  guard betas.count > 1 else { throw .zeroTerminalSNROfOneStep }
  let roots = DiscreteProcess.runningProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
  let first = roots[0], last = roots[roots.count - 1]
  let alphaBar = roots.map { root in
    let moved = (root - last) * (first / (first - last))
    return moved * moved
  }
  return zip(alphaBar, [1] + alphaBar.dropLast()).map { 1 - $0 / $1 }
}
