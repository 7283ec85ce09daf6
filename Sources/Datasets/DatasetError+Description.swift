import Failures

extension DatasetError {
  public var description: String {
    switch problem {
    case .missing(let files, let instructions): "no such file: \(files.joined(separator: ", ")); \(instructions)"
    case .unreadable(let error): error.description
    case .unusable(let report): "\(report); fix or remove it, or set loading.strict to false to train without it"
    default: "\(file): \(aboutFiles ?? aboutArrays ?? aboutLabels ?? aboutPictures ?? "")"
    }
  }

  private var aboutFiles: String? {
    switch problem {
    case .described(_, let message): message
    case .incomplete(let missing): "\(missing.joined(separator: ", ")) missing; get it again, or set split to train or test"
    case .unrecognised(let foreign?): foreign.problem(expected: Self.sources)
    case .unrecognised(nil): "is not a known data set: expected \(Self.sources)"
    case .labelsAlone: "holds labels; name the file of images that they belong to"
    case .several(let names, let what):
      "expected one \(what), found \(names.joined(separator: ", ")); name the file, and set labels where there are some"
    case .notIDX(let start):
      "is not an IDX file: it begins with the bytes \(Self.hex(start)), expected 00 00 08 and the number of dimensions"
    case .elementType(let code): "holds numbers of type \(Self.hex([code])), expected unsigned bytes, type 08"
    case .length(let length, let record):
      "is \(length) bytes long; expected a multiple of \(record), the bytes of a picture with its labels"
    case .tooFewBytes(let shape, let expected, let found):
      "says that it holds \(Self.text(shape)) = \(expected) bytes, but only \(found) follow the header; get it again"
    case .tooManyBytes(let shape, let expected):
      "says that it holds \(Self.text(shape)) = \(expected) bytes, but more follow the header; get it again"
    default: nil
    }
  }

  private static let sources =
    "pictures in a folder, zip or tar, IDX files, arrays of numpy (.npy, .npz), CIFAR's binary files, or a recipe (.yaml)"

  private var aboutArrays: String? {
    switch problem {
    case .whichArray(let there):
      "holds \(there.isEmpty ? "no arrays" : there.joined(separator: ", ")); expected arr_0, or one array of images;"
        + " name it in the path, as \(file)/NAME"
    case .layout(let shape):
      "has the shape \(shape), which leaves open where the channels are; set layout to nhw, nhwc or nchw"
        + " (N pictures, H rows, W columns, C channels: 1 to 4)"
    case .notOfLayout(let layout, let shape): "has the shape \(shape), which is not \(layout) with 1 to 4 channels"
    case .size(let shape): "has the shape \(shape); expected at least one picture, of at least one pixel and at most \(1 << 28)"
    case .shape(let shape, let expected): "has the shape \(shape), expected \(expected)"
    case .range(let low, let high):
      "holds numbers from \(low) to \(high), which leave open what is black and white; set range to \(SampleRange.choices)"
    case .sample(let value, let picture, _, _) where !value.isFinite:
      "picture \(picture) holds \(value), expected finite numbers; replace them first, as by numpy.nan_to_num"
    case .sample(let value, let picture, let low, let high):
      "picture \(picture) holds \(value), expected \(low) to \(high); set range to \(SampleRange.choices)"
    case .rank(let expected, let found): "holds \(found) dimension\(found == 1 ? "" : "s"), expected \(expected)"
    case .channels(let found): "holds images of \(found) channels, expected 1 to 4"
    case .impossibleShape(let shape, let limit):
      "says that it holds \(Self.text(shape)) bytes; expected no 0 and at most \(limit) bytes in all"
    default: nil
    }
  }

  private var aboutLabels: String? {
    switch problem {
    case .count(let what, let found, let images, let imagesFile):
      "holds \(found) \(what), but \(imagesFile) holds \(images) images; expected the same number, do they belong together?"
    case .label(let value, let index, let expected):
      "label \(index) is \(value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"), expected \(expected)"
    case .oneHot(let index): "row \(index) is not a class: expected a single 1, and 0 elsewhere"
    case .classNames(let found, let expected): "holds \(found) names of classes, expected \(expected)"
    case .contextNotFinite(let index): "context \(index) holds a number that is not finite"
    case .context(let found, let expected): "the context of the picture has \(found) finite numbers, expected \(expected)"
    case .contextSizes(let sizes):
      "the sources' pictures come with contexts of different lengths"
        + " (\(sizes.map { $0.map(String.init) ?? "none" }.joined(separator: ", "))), expected one length for all"
    default: nil
    }
  }

  private var aboutPictures: String? {
    switch problem {
    case .noCommonSize: "the pictures differ in size; give images.size, such as 64 or [96, 128]"
    case .scale(let scale, let shape):
      "images of \(shape.height) x \(shape.width) pixels cannot be reduced \(scale) times; give images.size as multiples of \(scale)"
    case .noPictures: "there are no pictures"
    case .nothingUsable(let tried, let first): "none of \(tried) pictures in a row can be used; the first: \(first)"
    case .mostlyUnusable(let found, let count, let first):
      "\(found) of \(count) pictures cannot be used, more than half; the first: \(first)"
    default: nil
    }
  }

  private static func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: " ")
  }
}
