import Archives
import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Array data sets") struct ArrayTests {
  private let folder: SourceFolder
  /// Two pictures of 5 x 6 pixels in three colours, each sample another.
  private let samples = (0..<180).map { UInt8($0) }

  init() throws { folder = try SourceFolder() }

  private func recipe(_ images: [UInt8], name: String = "images.npy") throws -> ArrayDataset.Recipe {
    var recipe = ArrayDataset.Recipe()
    recipe.images = try folder.write(images, to: name)
    return recipe
  }

  private func problem(_ recipe: ArrayDataset.Recipe) -> DatasetError.Problem? {
    #expect(throws: DatasetError.self) { try recipe.open() }?.problem
  }

  private func planar(_ samples: [UInt8]) -> [UInt8] {
    samples.chunks(of: 90).flatMap { picture in (0..<3).flatMap { c in stride(from: c, to: 90, by: 3).map { picture[$0] } } }
  }

  @Test func theThreeOrdersOfAxesAreDetected() throws {
    let expected = Image(width: 6, height: 5, channels: 3, bytes: Array(samples[90...]))
    let last = try recipe(npy("|u1", [2, 5, 6, 3], samples)).open()
    #expect(last.count == 2 && last.shape == ImageShape(height: 5, width: 6, channels: 3) && last.classNames.isEmpty)
    #expect(try last[1] == Picture(.pixels(expected), name: "\(folder.path)/images.npy: image 1"))
    let first = try recipe(npy("|u1", [2, 3, 5, 6], planar(samples))).open()
    #expect(try first[1].image() == expected)
    let grey = try recipe(npy("|u1", [6, 5, 6], samples)).open()
    #expect(grey.channels == 1)
    #expect(try grey[5].image().bytes == Array(samples[150...]))
  }

  @Test(arguments: [[2, 3, 5, 3], [1, 4, 9, 4], [10, 3, 6], [10, 6, 3], [2, 9, 10, 5]])
  func anAmbiguousOrderOfAxesMustBeGiven(shape: [Int]) throws {
    let bytes = [UInt8](repeating: 0, count: shape.reduce(1, *))
    var recipe = try recipe(npy("|u1", shape, bytes))
    #expect(problem(recipe) == .layout(shape))
    guard shape == [2, 3, 5, 3] else { return }
    recipe.layout = .nhwc
    #expect(try recipe.open().shape == ImageShape(height: 3, width: 5, channels: 3))
    recipe.layout = .nchw
    #expect(try recipe.open().shape == ImageShape(height: 5, width: 3, channels: 3))
    recipe.layout = .nhw
    #expect(problem(recipe) == .notOfLayout("nhw", shape))
  }

  @Test func floatsFromZeroOrMinusOneToOneBecomeTheNearestBytes() throws {
    let unit = samples.map { Float($0) / 179 }, signed = samples.map { Double($0) / 179 * 2 - 1 }
    let expected = unit[90...].map { UInt8(($0 * 255).rounded()) }
    #expect(try recipe(npy("<f4", [2, 5, 6, 3], raw(unit))).open()[1].image().bytes == expected)
    #expect(try recipe(npy("<f8", [2, 5, 6, 3], raw(signed))).open()[1].image().bytes == expected)
    #expect(try recipe(npy(">f8", [2, 5, 6, 3], raw(signed, bigEndian: true))).open()[1].image().bytes == expected)
    #expect(try recipe(npy("<f4", [2, 5, 6, 3], raw(samples.map(Float.init)))).open()[1].image().bytes == Array(samples[90...]))
    #expect(
      try recipe(npy(">i2", [2, 5, 6, 3], raw(samples.map(Int16.init), bigEndian: true))).open()[1].image().bytes == Array(samples[90...]))
    #expect(try recipe(npy("|b1", [6, 5, 6], samples.map { $0 % 2 })).open()[0].image().bytes == (0..<30).map { $0 % 2 == 0 ? 0 : 255 })
  }

  /// Every byte survives the way through floats.
  @Test func aByteThatWasMadeAFloatComesBack() {
    for byte in UInt8.min...UInt8.max {
      #expect(SampleRange.unit.sample(Double(Float(byte) / 255)) == byte)
      #expect(SampleRange.signed.sample(Double(Float(byte) / 127.5 - 1)) == byte)
      #expect(SampleRange.bytes.sample(Double(byte)) == byte)
    }
  }

  @Test(
    arguments: [
      (0, 0), (-1e-8, 1), (-0.3, 0.9), (0, 0.2), (0, 1.01), (-1.01, 1), (0, 255.5), (0, 254.5), (-128, 127), (0, 65535),
    ] as [(Double, Double)])
  func anAmbiguousRangeMustBeGiven(low: Double, high: Double) throws {
    var values = [Double](repeating: (low + high) / 2, count: 60)
    (values[7], values[40]) = (low, high)
    var recipe = try recipe(npy("<f8", [2, 5, 6], raw(values)))
    #expect(problem(recipe) == .range(low: low, high: high))
    recipe.range = .unit
    let set = try recipe.open()
    if high <= 1.0001, low > -0.001 { #expect(try set[1].image().width == 6) }
    if high > 1.1 { #expect(throws: DatasetError.self) { try set[1] } }
  }

  @Test func nanAndValuesOffTheRangeAreRefusedWithTheirPlace() throws {
    var values = [Float](repeating: 1, count: 60)
    values[31] = .nan
    var recipe = try recipe(npy("<f4", [2, 5, 6], raw(values)))
    guard case .sample(let value, picture: 1, _, _) = problem(recipe) else {
      Issue.record("a NaN was taken")
      return
    }
    #expect(value.isNaN)
    recipe.range = .unit
    let set = try recipe.open()
    #expect(try set[0].image()[0, 0] == 255)
    #expect(throws: DatasetError.self) { try set[1] }
    let wide = try self.recipe(npy("<u4", [2, 5, 6], raw([UInt32](repeating: 256, count: 60)))).open()
    #expect(#expect(throws: DatasetError.self) { try wide[1] }?.problem == .sample(256, picture: 1, low: 0, high: 255))
  }

  @Test func samplesOfSixteenBitsAreRoundedAsThoseOfAPNGAre() throws {
    let samples = (0..<60).map { UInt16($0 * 1110) }
    for (code, isBig) in [("<u2", false), (">u2", true)] {
      let set = try recipe(npy(code, [2, 5, 6], raw(samples, bigEndian: isBig))).open()
      #expect(try set[1].image().bytes == samples[30...].map { UInt8((Double($0) / 257).rounded()) })
    }
    // Where no number is larger than a byte they are bytes, unless the recipe says otherwise.
    var small = try recipe(npy("<u2", [2, 5, 6], raw((0..<60).map { UInt16($0 * 4) })))
    #expect(try small.open()[1].image().bytes == (30..<60).map { UInt8($0 * 4) })
    small.range = .uint16
    #expect(try small.open()[1].image().bytes.max() == 1)
    small = try recipe(npy("<u2", [2, 5, 6], raw(samples)))
    small.range = .bytes
    #expect(#expect(throws: DatasetError.self) { try small.open()[0] }?.problem == .sample(1110, picture: 0, low: 0, high: 255))
  }

  @Test func columnMajorArraysArePutInOrder() throws {
    // [2, 5, 6] with the first index fastest.
    let values = (0..<60).map { UInt8($0) }
    var turned: [UInt8] = []
    for column in 0..<6 { for row in 0..<5 { for picture in 0..<2 { turned.append(values[picture * 30 + row * 6 + column]) } } }
    let set = try recipe(npy("|u1", [2, 5, 6], turned, columnMajor: true)).open()
    #expect(try set[0].image().bytes == Array(values[..<30]) && set[1].image().bytes == Array(values[30...]))
    let wide = NumberArray.rowMajor(raw([1, 4, 2, 5, 3, 6] as [UInt16]), shape: [2, 3], size: 2)
    #expect(wide == raw([1, 2, 3, 4, 5, 6] as [UInt16]))
  }

  @Test func halfPrecisionIsReadAsTheStandardHasIt() {
    let known: [(UInt16, Double)] = [
      (0x0000, 0), (0x3C00, 1), (0xC000, -2), (0x0001, 0x1p-24), (0x03FF, 1023 * 0x1p-24), (0x7BFF, 65504), (0x3555, 0.333251953125),
    ]
    for (bits, value) in known { #expect(NumberArray.half(bits) == value) }
    #expect(NumberArray.half(0xFC00) == -.infinity && NumberArray.half(0x7E00).isNaN)
  }

  @Test func anNPZIsReadByGuidedDiffusionsNames() throws {
    let images = npy("|u1", [2, 5, 6, 3], samples), labels = npy("<i8", [2], raw([4, 1] as [Int64]))
    let path = "\(folder.path)/a.npz"
    try ZipWriter.write([("arr_0.npy", images), ("arr_1.npy", labels)], to: path)
    var recipe = ArrayDataset.Recipe()
    recipe.images = path
    let set = try recipe.open()
    #expect(try set[0].label == 4 && set.classNames == ["0", "1", "2", "3", "4"])
    #expect(try set[1].image().bytes == Array(samples[90...]) && set[1].name == "\(path): arr_0.npy: image 1")
    // A named array needs no other.
    recipe.images = "\(path)/arr_0"
    #expect(try recipe.open().classNames.isEmpty)
    recipe.labels = "\(path)/arr_1"
    #expect(try recipe.open()[1].label == 1)
    try ZipWriter.write([("y.npy", labels), ("x.npy", images)], to: path)
    (recipe.images, recipe.labels) = (path, nil)
    #expect(try recipe.open()[0].label == 4)
    try ZipWriter.write([("a.npy", images), ("b.npy", images)], to: path)
    #expect(problem(recipe) == .whichArray(there: ["a [2, 5, 6, 3]", "b [2, 5, 6, 3]"]))
  }

  @Test func labelsAreNumbersOrRowsWithAOne() throws {
    var recipe = try recipe(npy("|u1", [3, 5, 6], Array(samples[..<90])))
    func labels(_ bytes: [UInt8]) throws -> [Int?] {
      recipe.labels = try folder.write(bytes, to: "labels.npy")
      let set = try recipe.open()
      let numbers = try (0..<3).map { try set[$0].label }
      #expect((0..<3).map { set.label(at: $0) } == numbers)
      return numbers
    }
    #expect(try labels(npy("|u1", [3], [2, 0, 5])) == [2, 0, 5])
    #expect(try labels(npy("<i4", [3, 1], raw([2, 0, 5] as [Int32]))) == [2, 0, 5])
    #expect(try labels(npy(">i8", [3], raw([2, 0, 5] as [Int64], bigEndian: true))) == [2, 0, 5])
    #expect(try labels(npy("<f4", [3, 2], raw([0, 1, 1, 0, 0, 1] as [Float]))) == [1, 0, 1])
    // Column by column: 0, 1, 0 and 1, 0, 1.
    #expect(try labels(npy("<f4", [3, 2], raw([0, 1, 0, 1, 0, 1] as [Float]), columnMajor: true)) == [1, 0, 1])
    recipe.firstLabel = 1
    #expect(try labels(npy("|u1", [3], [2, 1, 3])) == [1, 0, 2])
    recipe.classNames = ["a", "b", "c", "d"]
    #expect(try labels(npy("|u1", [3], [2, 1, 3])) == [1, 0, 2])
    recipe.classNames = ["a", "b"]
    #expect(throws: DatasetError.self) { try labels(npy("|u1", [3], [2, 1, 3])) }
  }

  @Test func invalidLabelsAreRefused() throws {
    var recipe = try recipe(npy("|u1", [3, 5, 6], Array(samples[..<90])))
    func refusal(_ bytes: [UInt8]) throws -> DatasetError.Problem? {
      recipe.labels = try folder.write(bytes, to: "labels.npy")
      return problem(recipe)
    }
    #expect(try refusal(npy("|u1", [2], [0, 1])) == .count(what: "labels", found: 2, images: 3, imagesFile: recipe.images))
    #expect(try refusal(npy("<f4", [3, 2], raw([0, 1, 1, 1, 0, 1] as [Float]))) == .oneHot(index: 1))
    #expect(try refusal(npy("<f4", [3, 2], raw([0, 1, 0, 0, 0, 1] as [Float]))) == .oneHot(index: 1))
    #expect(try refusal(npy("<f4", [3, 2], raw([0, 1, 0.5, 1, 0, 1] as [Float]))) == .oneHot(index: 1))
    for bytes in [
      npy("|i1", [3], [0, 0xFF, 1]), npy("<f8", [3], raw([0, 0.5, 1])), npy("<f8", [3], raw([0, .nan, 1])),
      npy("<u8", [3], raw([0, .max, 1] as [UInt64])),
    ] {
      guard case .label(_, index: 1, _) = try refusal(bytes) else {
        Issue.record("an invalid label was accepted")
        continue
      }
    }
    guard case .shape([3, 1, 1], _) = try refusal(npy("|u1", [3, 1, 1], [0, 0, 0])) else {
      Issue.record("labels of three dimensions were taken")
      return
    }
  }

  @Test func contextsComeWithTheirPictures() throws {
    var recipe = try recipe(npy("|u1", [2, 5, 6], Array(samples[..<60])))
    recipe.contexts = try folder.write(npy("<f4", [2, 3], raw([1, 2, 3, 4, 5, .infinity] as [Float])), to: "contexts.npy")
    let set = try recipe.open()
    #expect(set.contextSize == 3)
    #expect(try set[0].context == [1, 2, 3])
    #expect(#expect(throws: DatasetError.self) { try set[1] }?.problem == .contextNotFinite(index: 1))
    try folder.write(npy("<f4", [3, 2], raw([1, 2, 3, 4, 5, 6] as [Float])), to: "contexts.npy")
    #expect(problem(recipe) == .count(what: "contexts", found: 3, images: 2, imagesFile: recipe.images))
    try folder.write(npy("<f4", [2], raw([1, 2] as [Float])), to: "contexts.npy")
    #expect(throws: DatasetError.self) { try recipe.open() }
  }

  @Test func falseHeadersAndPicklesAreRefused() throws {
    for (bytes, expected) in [
      (npy("|u1", [2, 5, 6], [1, 2, 3]), ArrayError.Problem.byteCount(shape: "(2, 5, 6)", expected: 60, found: 3)),
      (npy("|u1", [2, 5, 6], samples), .byteCount(shape: "(2, 5, 6)", expected: 60, found: 180)),
      (npy("|O", [2, 5, 6], samples), .objects("|O")), (Array("no array, just text".utf8), .notAnArray(.text("'no array, just text'"))),
      (npy("|u1", [1 << 62, 1 << 62], samples), .tooLarge([1 << 62, 1 << 62])),
    ] {
      let recipe = try recipe(bytes)
      #expect(#expect(throws: ArrayError.self) { try recipe.open() }?.problem == expected)
      // Compressed: no more is unpacked than the header says.
      let compressed = try self.recipe(Gzip.compress(bytes))
      #expect(throws: (any Error).self) { try compressed.open() }
    }
    #expect(try problem(recipe(npy("|u1", [0, 5, 6], []))) == .size([0, 5, 6]))
    for shape in [[3], [60, 3], [1, 1, 1, 2, 2]] {
      guard case .shape(shape, _) = try problem(recipe(npy("|u1", shape, [UInt8](repeating: 0, count: shape.reduce(1, *))))) else {
        Issue.record("\(shape) was taken for images")
        continue
      }
    }
    #expect(throws: ArchiveError.self) { try ArrayDataset.Recipe().open() }
  }

  /// Labels that were passed over would train a network without classes.
  @Test(arguments: [("arr_0", "arr_1"), ("images", "labels"), ("x", "y")])
  func labelsOfAnotherNumberThanTheImagesAreRefused(images: String, labels: String) throws {
    let path = "\(folder.path)/a.npz"
    try ZipWriter.write(
      [("\(images).npy", npy("|u1", [2, 5, 6, 3], samples)), ("\(labels).npy", npy("|u1", [3], [0, 1, 0]))], to: path)
    var recipe = ArrayDataset.Recipe()
    recipe.images = path
    guard case .count("labels", 3, 2, _) = problem(recipe) else {
      Issue.record("3 labels of 2 images were taken")
      return
    }
  }

  @Test func anArchiveOfObjectsSaysSo() throws {
    let path = "\(folder.path)/a.npz"
    try ZipWriter.write([("arr_0.npy", npy("|O", [2, 5, 6], samples))], to: path)
    var recipe = ArrayDataset.Recipe()
    recipe.images = path
    let error = #expect(throws: ArrayError.self) { try recipe.open() }
    #expect(error?.problem == .objects("|O") && error?.file == "\(path)/arr_0")
  }

  @Test func messagesStayShortAndFitTheProblem() throws {
    let header = [0x93] + Array("NUMPY".utf8) + [1, 0, 0x60, 0xEA] + [UInt8](repeating: UInt8(ascii: "("), count: 60_000)
    let long = #expect(throws: ArrayError.self) { try recipe(header).open() }
    #expect((long?.description.utf8.count ?? .max) < 400, "\(String(describing: long))")
    let nan = #expect(throws: DatasetError.self) { try recipe(npy("<f4", [1, 5, 6], raw([Float](repeating: .nan, count: 30)))).open() }
    #expect(nan?.description.contains("numpy.nan_to_num") == true, "\(String(describing: nan))")
  }

  /// A thousand bytes can promise a million, and a gigabyte a terabyte.
  @Test func aCompressedArrayIsBoundedByTheMachinesMemoryBeforeItIsUnpacked() throws {
    let rows = NumberArray.memoryLimit / 30 + 1
    let error = #expect(throws: ArrayError.self) { try recipe(Gzip.compress(npy("|u1", [rows, 5, 6], samples))).open() }
    #expect(error?.problem == .compressed(bytes: 30 * rows, limit: NumberArray.memoryLimit))
    #expect(error?.description.contains("numpy.savez, without compression") == true)
  }

  @Test func aRecipeNamesEverything() throws {
    struct Wrapper: RecipeKit.Recipe { var data = Choice<DatasetRegistry>(GlyphDataset.Recipe()) }
    let images = try recipe(npy("|u1", [2, 5, 6, 3], samples)).images
    let yaml = "data: { type: arrays, images: \(images), layout: nhwc, range: bytes, labels: null }"
    #expect(try Wrapper(yaml: yaml).data.member.open().count == 2)
    #expect(throws: RecipeError.self) { try Wrapper(yaml: "data: { type: arrays, layout: hwc }") }
  }
}

extension [UInt8] {
  fileprivate func chunks(of size: Int) -> [[UInt8]] { stride(from: 0, to: count, by: size).map { Array(self[$0..<($0 + size)]) } }
}
