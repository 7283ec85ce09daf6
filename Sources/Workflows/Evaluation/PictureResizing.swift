/// How pictures reach the size of Inception's training, 299 x 299: the field has two ways, whose figures differ.
public enum PictureResizing: String, Encodable, Sendable, CaseIterable {
  /// That of pytorch-fid: bilinear between four pixels, which aliases where pictures are reduced; values 2 x / 255 - 1.
  case pytorchFID = "pytorch-fid"
  /// That of clean-fid (Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation"): bicubic, widened with the
  /// reduction, of every channel in float32 without rounding; values (x - 128) / 128.
  case cleanFID = "clean-fid"
}
