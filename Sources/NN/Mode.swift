import Tensors

/// Whether a network runs for training or inference: an argument, so that it cannot be forgotten as a flag could.
public enum Mode {
  case inference
  /// Dropout uses the generator.
  case training(Generator)
}
