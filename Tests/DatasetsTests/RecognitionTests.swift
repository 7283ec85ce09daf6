import Archives
import Foundation
import Imaging
import Testing

@testable import Datasets

@Suite("Recognising data sets") struct RecognitionTests {
  private let folder: SourceFolder
  init() throws { folder = try SourceFolder() }

  private func recognised<R: DatasetRecipe>(_ name: String = "", as type: R.Type) throws -> R {
    try #require(try DatasetRecognition.recipe(for: name.isEmpty ? folder.path : "\(folder.path)/\(name)") as? R)
  }

  private func problem(_ name: String = "") -> DatasetError.Problem? {
    #expect(throws: DatasetError.self) { try DatasetRecognition.recipe(for: "\(folder.path)/\(name)") }?.problem
  }

  @Test func idxFilesFindTheirLabels() throws {
    let images = idx([1, 2, 2], [1, 2, 3, 4]), labels = idx([1], [0])
    try folder.write(images, to: "t10k-images-idx3-ubyte")
    #expect(try recognised("t10k-images-idx3-ubyte", as: IDXDataset.Recipe.self).labels == nil)
    try folder.write(Gzip.compress(labels), to: "t10k-labels-idx1-ubyte.gz")
    let pair = try recognised("t10k-images-idx3-ubyte", as: IDXDataset.Recipe.self)
    #expect(pair.labels == "\(folder.path)/t10k-labels-idx1-ubyte.gz")
    // Of a folder of two pairs, the one for training.
    try folder.write(Gzip.compress(images), to: "train-images-idx3-ubyte.gz")
    try folder.write(labels, to: "train-labels-idx1-ubyte")
    let training = try recognised(as: IDXDataset.Recipe.self)
    #expect(training.images == "\(folder.path)/train-images-idx3-ubyte.gz" && training.labels == "\(folder.path)/train-labels-idx1-ubyte")
    #expect(try training.open().count == 1)
    #expect(problem("train-labels-idx1-ubyte") == .labelsAlone)
  }

  @Test func aPairInAnArchiveIsFound() throws {
    let path = "\(folder.path)/m.zip"
    try ZipWriter.write(
      [("raw/x-labels-idx1-ubyte", idx([1], [0])), ("raw/x-images-idx3-ubyte", idx([1, 2, 2], [1, 2, 3, 4]))], to: path)
    let recipe = try recognised("m.zip", as: IDXDataset.Recipe.self)
    #expect(recipe.images == "\(path)/raw/x-images-idx3-ubyte" && recipe.labels == "\(path)/raw/x-labels-idx1-ubyte")
    #expect(try recipe.open().classNames == ["0"])
  }

  @Test func arraysAreTakenAloneOrWithTheirLabels() throws {
    let images = npy("|u1", [2, 5, 6], [UInt8](repeating: 1, count: 60))
    try folder.write(images, to: "a.npy")
    try folder.write(npy("|u1", [3], [1, 2, 3]), to: "labels.npy")
    #expect(try recognised("a.npy", as: ArrayDataset.Recipe.self).images == "\(folder.path)/a.npy")
    #expect(try recognised(as: ArrayDataset.Recipe.self).labels == nil)
    try folder.write(npy("|u1", [2], [1, 2]), to: "labels.npy")
    #expect(try recognised(as: ArrayDataset.Recipe.self).labels == "\(folder.path)/labels.npy")
    try folder.write(images, to: "b.npy")
    #expect(problem() == .several(["a.npy", "b.npy"], what: "array of images"))
    try ZipWriter.write([("arr_0.npy", images)], to: "\(folder.path)/c.npz")
    #expect(try recognised("c.npz", as: ArrayDataset.Recipe.self).open().count == 2)
    #expect(try recognised("c.npz/arr_0", as: ArrayDataset.Recipe.self).open().count == 2)
  }

  @Test func cifarIsKnownByItsFiles() throws {
    let record = [1] + [UInt8](repeating: 0, count: 3072)
    try folder.write(record, to: "d/cifar-10-batches-bin/test_batch.bin")
    #expect(try recognised("d", as: CIFARDataset.Recipe.self).path == "\(folder.path)/d")
    let inside = try recognised("d/cifar-10-batches-bin", as: CIFARDataset.Recipe.self)
    #expect(inside.split == .test)
    #expect(try inside.open().count == 1)
    #expect(try recognised("d/cifar-10-batches-bin/test_batch.bin", as: CIFARDataset.Recipe.self).open().count == 1)
    try ZipWriter.write([("x/train.bin", [0] + record)], to: "\(folder.path)/c.zip")
    #expect(try recognised("c.zip", as: CIFARDataset.Recipe.self).open().classNames.count == 100)
  }

  @Test func picturesAreKnownInFoldersAndArchivesAndAlone() throws {
    let pictures = try PictureFolder(["cats/0.png", "dogs/1.png"])
    let zip = try pictures.zip("x.zip", ["cats/0.png", "dogs/1.png"])
    for path in [pictures.path, pictures.path + "/", zip] {
      let recipe = try #require(try DatasetRecognition.recipe(for: path) as? FolderDataset.Recipe)
      #expect(try recipe.open().classNames == ["cats", "dogs"])
    }
    #expect(try DatasetRecognition.recipe(for: pictures.file("cats/0.png")).open().count == 1)
    try ZipWriter.write([("notes.txt", [1])], to: "\(folder.path)/text.zip")
    #expect(problem("text.zip") == .unrecognised(nil))
  }

  @Test(arguments: DatasetRegistry.names) func aKindThatIsChosenTakesThePath(kind: String) throws {
    let recipe = try DatasetRecognition.recipe(ofKind: kind, at: "some/place")
    #expect(type(of: recipe).name == kind)
    #expect(recipe.paths.isEmpty || recipe.paths == ["some/place"])
  }

  @Test func whatIsNoneIsSaidSo() throws {
    try folder.write(Array("just some text, long enough to be looked at".utf8), to: "text")
    guard case .unrecognised = problem("text") else {
      Issue.record("a text was recognised")
      return
    }
    try folder.write([], to: "empty")
    #expect(throws: (any Error).self) { try DatasetRecognition.recipe(for: "\(folder.path)/empty") }
    #expect(throws: ArchiveError.self) { try DatasetRecognition.recipe(for: "\(folder.path)/none") }
  }
}
