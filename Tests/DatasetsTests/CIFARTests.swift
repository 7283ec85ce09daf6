import Archives
import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("CIFAR data sets") struct CIFARTests {
  private let folder: SourceFolder
  init() throws { folder = try SourceFolder() }

  /// A picture whose red is `seed` plus the row, whose green the column, whose blue 7.
  private func record(_ labels: [UInt8], seed: Int) -> [UInt8] {
    let red = (0..<1024).map { UInt8((seed + $0 / 32) & 255) }, green = (0..<1024).map { UInt8($0 % 32) }
    return labels + red + green + [UInt8](repeating: 7, count: 1024)
  }

  private func writeCIFAR10(in name: String = "bin", names: String? = nil) throws -> CIFARDataset.Recipe {
    for batch in 1...5 {
      try folder.write(record([UInt8(batch)], seed: batch) + record([9], seed: 50), to: "\(name)/data_batch_\(batch).bin")
    }
    try folder.write(record([0], seed: 100), to: "\(name)/test_batch.bin")
    if let names { try folder.write(Array(names.utf8), to: "\(name)/batches.meta.txt") }
    var recipe = CIFARDataset.Recipe()
    recipe.path = "\(folder.path)/\(name)"
    return recipe
  }

  private func problem(_ recipe: CIFARDataset.Recipe) -> DatasetError.Problem? {
    #expect(throws: DatasetError.self) { try recipe.open() }?.problem
  }

  private func message(_ recipe: CIFARDataset.Recipe) -> String { "\(problem(recipe).map { DatasetError("", $0).description } ?? "")" }

  @Test func batchesFollowEachOtherAndPlanesBecomePixels() throws {
    var recipe = try writeCIFAR10()
    let set = try recipe.open()
    #expect(set.count == 10 && set.classNames[1] == "automobile" && set.shape == ImageShape(height: 32, width: 32, channels: 3))
    #expect(try (0..<10).map { try set[$0].label } == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
    #expect((0..<10).map { set.label(at: $0) } == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
    let picture = try set[4], image = try picture.image()
    #expect(image[2, 5, 0] == 3 + 2 && image[2, 5, 1] == 5 && image[2, 5, 2] == 7)
    #expect(picture.name == "\(recipe.path)/data_batch_3.bin: image 0")
    recipe.split = .test
    #expect(try recipe.open()[0].label == 0)
    recipe.split = .all
    #expect(try recipe.open().count == 11)
    // A folder that the folder is in, and a single file.
    _ = try writeCIFAR10(in: "data/cifar-10-batches-bin")
    recipe.path = "\(folder.path)/data"
    #expect(try recipe.open().count == 11)
    recipe.path = "\(folder.path)/bin/data_batch_2.bin"
    #expect(try recipe.open()[0].label == 2)
  }

  @Test func aPointerInThePlaceOfABatchIsNamed() throws {
    let recipe = try writeCIFAR10()
    try folder.write(Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\n".utf8), to: "bin/data_batch_3.bin")
    #expect(message(recipe).contains("is a Git LFS pointer, not the file itself; expected a binary file of CIFAR"))
  }

  @Test func namesOfClassesComeFromTheirFile() throws {
    let names = (0..<10).map { "kind \($0)" }
    let recipe = try writeCIFAR10(names: names.joined(separator: "\r\n") + "\n\n")
    #expect(try recipe.open().classNames == names)
    try folder.write(Array("one\ntwo\n".utf8), to: "bin/batches.meta.txt")
    #expect(problem(recipe) == .classNames(2, expected: 10))
  }

  @Test func theArchiveServesAsItIs() throws {
    let recipe = try writeCIFAR10(in: "cifar-10-batches-bin")
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "-C", folder.path, "-czf", "\(folder.path)/c.tar.gz", "cifar-10-batches-bin"]
    try tar.run()
    tar.waitUntilExit()
    var packed = recipe
    packed.path = "\(folder.path)/c.tar.gz"
    let inside = try packed.open(), outside = try recipe.open()
    #expect(inside.count == 10)
    for index in 0..<10 { #expect(try inside[index].content == outside[index].content) }
    #expect(try inside[0].name == "\(packed.path): cifar-10-batches-bin/data_batch_1.bin: image 0")
  }

  @Test func ofCIFAR100EitherLabelIsTaken() throws {
    try folder.write(record([19, 99], seed: 0) + record([3, 42], seed: 1), to: "train.bin")
    try folder.write(Array((0..<20).map { "group \($0)" }.joined(separator: "\n").utf8), to: "coarse_label_names.txt")
    var recipe = CIFARDataset.Recipe()
    recipe.path = folder.path
    let fine = try recipe.open()
    #expect(try fine[1].label == 42 && fine.classNames.count == 100 && fine[1].image()[0, 0, 0] == 1)
    recipe.labels = .coarse
    let coarse = try recipe.open()
    #expect(try coarse.classNames[coarse[0].label!] == "group 19")
    recipe.split = .test
    #expect(problem(recipe) == .incomplete(missing: ["test.bin"]))
  }

  @Test func filesThatAreNotCIFARAreRefused() throws {
    var recipe = try writeCIFAR10()
    recipe.labels = .coarse
    #expect(message(recipe).contains("set labels to fine"))
    recipe.labels = .fine
    try folder.write(Array(record([1], seed: 0).dropLast()), to: "bin/data_batch_4.bin")
    #expect(problem(recipe) == .length(3072, record: 3073))
    try folder.write(record([10], seed: 0), to: "bin/data_batch_4.bin")
    #expect(problem(recipe) == .label(10, index: 0, expected: "0 to 9"))
    try FileManager.default.removeItem(atPath: "\(recipe.path)/data_batch_4.bin")
    #expect(problem(recipe) == .incomplete(missing: ["data_batch_4.bin"]))
    try folder.write([], to: "empty/x")
    recipe.path = "\(folder.path)/empty"
    #expect(message(recipe).contains("holds no binary version of CIFAR"))
    try folder.write([0x80, 2], to: "empty/data_batch_1")
    #expect(message(recipe).contains("get the binary version"))
    recipe.path = "\(folder.path)/none"
    #expect(throws: ArchiveError.self) { try recipe.open() }
  }
}
