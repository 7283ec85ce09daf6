internal import CTorch

extension Tensor {
  /// The eigenvalues, ascending, `[n]`, and the eigenvectors, as columns, `[n, n]`, of a symmetric matrix `[n, n]`, of which the lower
  /// triangle is read.
  /// - Faults: both results, for another shape and where the iteration does not converge.
  public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
    var values: OpaquePointer?, vectors: OpaquePointer?
    do throws(TorchFault) {
      try Tensor.run("symmetricEigen", [self]) { ct_eigh($0[0], &values, &vectors) }
    } catch {
      let failed = Tensor(failing: error)
      return (failed, failed)
    }
    // A call that succeeded has set both.
    return (Tensor(storage: .live(Handle(values!))), Tensor(storage: .live(Handle(vectors!))))
  }

  /// The singular values, descending, of a matrix.
  public func singularValues() -> Tensor { unary("singularValues", ct_svdvals) }

  /// The k-th smallest element along an axis, which is removed; k from 1.
  public func kthSmallest(_ k: Int, _ axis: Int) -> Tensor { unary("kthSmallest") { ct_kthvalue($0, Int64(k), Int64(axis)) } }
}
