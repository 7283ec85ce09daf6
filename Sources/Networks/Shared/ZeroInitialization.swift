import NN
import Tensors

extension Module {
  /// Starts from zero, so that a residual branch begins as nothing.
  func zero() throws(TorchFault) {
    for parameter in parameters() where parameter.value.device != .meta {
      try parameter.assign(.zeros(like: parameter.value))
    }
  }
}
