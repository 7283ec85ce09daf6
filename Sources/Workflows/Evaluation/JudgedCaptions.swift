import Datasets
import Models

/// What the samples of a model of texts are to show: the captions of real pictures, and the classes of these, by which a classifier judges
/// whether the samples show what the captions say.
struct JudgedCaptions {
  let texts: [String]
  /// The class of the picture that each caption is of; nil where it has none.
  let labels: [Int?]
  let classNames: [String]

  /// - Parameter indices: of the pictures in the data set, one for each sample.
  /// - Returns: nil for a model without texts, and for a set without captions.
  init?(for model: Model, _ dataset: any Dataset, _ indices: [Int]) {
    guard let length = model.recipe.textEncoder?.maxLength, dataset.hasCaptions else { return nil }
    texts = indices.map { Caption.cut(dataset.caption(at: $0) ?? "", to: length) }
    labels = indices.map(dataset.label(at:))
    classNames = dataset.classNames
  }
}
