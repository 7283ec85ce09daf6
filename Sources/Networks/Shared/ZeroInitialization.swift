import NN
import Tensors

extension Module {
  /// Sets every parameter to zero, so that a residual branch starts as the identity.
  func zero() throws(TorchFault) {
    for parameter in parameters() where parameter.value.device != .meta {
      try parameter.assign(.zeros(like: parameter.value))
    }
  }
}
