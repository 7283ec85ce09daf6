import Tensors

/// Whether a network is being trained: an argument, not a flag that could be forgotten.
public enum Mode {
  case inference
  /// Dropout draws from the generator.
  case training(Generator)
}
