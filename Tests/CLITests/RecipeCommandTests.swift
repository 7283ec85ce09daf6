import Archives
import Foundation
import Testing

@Suite("sfumato recipe") struct RecipeCommandTests {
  let shop: Workshop

  init() throws { shop = try Workshop() }

  @Test func showPrintsARecipeThatReadsBackUnchanged() throws {
    let first = try shop.run("recipe", "show", "tiny.yaml", "--set", "training.seed=7")
    #expect(first.status == 0)
    #expect(first.output.contains("seed: 7") && first.output.contains("parameterization: v"))
    try shop.write(first.output, to: "shown.yaml")
    #expect(try shop.run("recipe", "show", "shown.yaml").output == first.output)
  }

  @Test func checkSummarisesWhatWouldBeTrained() throws {
    let run = try shop.run("recipe", "check", "tiny.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasPrefix("tiny.yaml is good: 100 images, 10 classes, "))
  }

  @Test(arguments: [
    ("network:\n  chanel_mult: [1]\n", "wrong.yaml:2: unknown key 'chanel_mult' in 'network'; did you mean 'channel_mult'?"),
    ("training:\n  batch_size: many\n", "wrong.yaml:2: training.batch_size: expected a whole number, found 'many'"),
    (
      "network: { context_dim: 4, attention_resolutions: [] }\n",
      "takes context vectors of context_dim 4 numbers, and the data come with none"
    ),
    ("training: [\n", "wrong.yaml:2:1: the YAML cannot be read"),
  ])
  func checkRefusesAMistakeWithItsLine(yaml: String, words: String) throws {
    try shop.write(yaml, to: "wrong.yaml")
    let run = try shop.run("recipe", "check", "wrong.yaml")
    #expect(run.status == 65)
    #expect(run.errors.contains(words), "\(run.errors)")
  }

  // MARK: Data

  private static let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 8] + (0..<192).map { UInt8($0) }
  private static let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2]

  private func checkData(images: [UInt8], labels: [UInt8] = labels) throws -> Program.Run {
    let network = "network: { model_channels: 32, channel_mult: [1], attention_resolutions: [] }"
    try shop.write("data: { type: idx, images: images.gz, labels: labels.gz }\n\(network)\n", to: "idx.yaml")
    try shop.write(images, to: "images.gz")
    try shop.write(labels, to: "labels.gz")
    return try shop.run("recipe", "check", "idx.yaml")
  }

  @Test func checkAcceptsUndamagedData() throws {
    let run = try checkData(images: Gzip.compress(Self.images))
    #expect(run.output.hasPrefix("idx.yaml is good: 3 images, 3 classes, "), "\(run.errors)")
  }

  enum Damage: String, CaseIterable {
    case truncated, corrupt, wrongHeader, fewerLabels, notIDX

    var files: (images: [UInt8], labels: [UInt8]) {
      let images = RecipeCommandTests.images, labels = RecipeCommandTests.labels, packed = Gzip.compress(images)
      switch self {
      case .truncated: return (Array(packed.dropLast(9)), labels)
      case .corrupt: return (packed.enumerated().map { $0 == packed.count - 6 ? $1 ^ 1 : $1 }, labels)
      case .wrongHeader: return ([0, 0, 8, 3, 0, 0, 4, 3] + images.dropFirst(8), labels)
      case .fewerLabels: return (packed, [0, 0, 8, 1, 0, 0, 0, 2, 0, 1])
      case .notIDX: return (Array("Hello, world".utf8), labels)
      }
    }
  }

  @Test(arguments: Damage.allCases) func checkNamesTheDamagedFile(damage: Damage) throws {
    let run = try checkData(images: damage.files.images, labels: damage.files.labels)
    #expect(run.status == 65, "\(run.errors)")
    #expect(run.errors.contains(damage == .fewerLabels ? "error: labels.gz: " : "error: images.gz: "), "\(run.errors)")
  }

  @Test func missingDataIs66AndSaysWhichFilesToPutWhere() throws {
    try shop.write("data: { type: idx, images: a/images.gz, labels: a/labels.gz }\n", to: "idx.yaml")
    for command in [["recipe", "check", "idx.yaml"], ["train", "idx.yaml"]] {
      let run = try Program.run(command, in: shop.path)
      #expect(run.status == 66)
      #expect(run.errors.contains("no such file: a/images.gz, a/labels.gz; put the images as a/images.gz and the labels as a/labels.gz"))
    }
    #expect(!shop.exists("runs"))
  }

  @Test(arguments: [["recipe", "check", "tiny.yaml"], ["recipe", "show", "tiny.yaml"], ["train", "tiny.yaml"], ["sample", "digits"]])
  func anErrorOfASettingSaysSo(command: [String]) throws {
    let run = try Program.run(command + ["--set", "sampling.stepz=3"], in: shop.path)
    // A setting of a recipe is part of it; one of `sample` is a flag.
    let status: Int32 = command[0] == "sample" ? 64 : 65
    #expect(run.status == status && run.errors.contains("error: --set sampling.stepz=3: unknown key 'stepz'"), "\(run.errors)")
    #expect(!shop.exists("runs"))
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [["recipe", "check"], ["recipe", "show"], ["recipe", "import"], ["train"], ["data", "inspect"]])
  func aPipeWithoutAWriterIsRefusedAndNotWaitedFor(command: [String]) throws {
    #expect(mkfifo("\(shop.path)/pipe.yaml", 0o600) == 0)
    let run = try Program.run(command + ["pipe.yaml"], in: shop.path)
    #expect(run.status == 65 && run.errors.contains("pipe.yaml: is not a file; expected a recipe"), "\(run.errors)")
    #expect(!shop.exists("runs"))
  }

  @Test func aRunFolderBelowAFileIsRefusedInTheSystemsWords() throws {
    try shop.write("x", to: "file")
    let run = try Program.run(["train", "tiny.yaml", "--run", "file/run"], in: shop.path)
    #expect(run.status == 74 && run.errors.contains("is in the way, which is not a folder"), "\(run.errors)")
  }

  @Test func holdingOutEveryPictureIsRefused() throws {
    for held in ["100", "5000", "0.999"] {
      try shop.write(Workshop.recipe + "loading: { validation: \(held) }\n", to: "held.yaml")
      for command in [["recipe", "check", "held.yaml"], ["train", "held.yaml"]] {
        let run = try Program.run(command, in: shop.path)
        #expect(run.status == 65 && run.errors.contains("loading.validation holds out all 100 pictures"), "\(run.errors)")
      }
    }
    try shop.write(Workshop.recipe + "loading: { validation: 99 }\n", to: "held.yaml")
    #expect(try shop.run("recipe", "check", "held.yaml").status == 0)
  }
}
