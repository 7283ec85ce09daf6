import Archives
import Checkpoints
import Datasets
import Diffusion
import Failures
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing
@testable import Training

@testable import Workflows

/// Grey 4 x 4 images described by their vectors: [1, 0] is dark, [0, 1] bright.
private struct Described: Dataset {
  let count = 16, classNames = ["even", "odd"], channels = 1
  let shape: ImageShape? = ImageShape(height: 4, width: 4, channels: 1)
  let contextSize: Int? = 2
  /// Used for every picture in place of its vector.
  var replacement: [Float]?

  subscript(index: Int) -> Picture {
    let isBright = index % 2 == 1
    let image = Image(width: 4, height: 4, channels: 1, bytes: Array(repeating: isBright ? 230 : 25, count: 16))
    return Picture(.pixels(image), label: index % 2, context: replacement ?? (isBright ? [0, 1] : [1, 0]), name: "image \(index)")
  }
}

@Suite("Context vectors") struct ContextVectorTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private static let network = "{ type: context_unet, model_channels: 8, channel_mult: [1, 1], num_res_blocks: 1 }"
  private static let settings = """
    process: { schedule: { type: cosine, steps: 50 } }
    sampling: { steps: 4 }
    training: { batch_size: 16, learning_rate: 1.0e-2, warmup_images: 0 }

    """

  private func recipe(_ set: [String] = [], network: String = network) throws -> TrainRecipe {
    try TrainRecipe(yaml: "network: \(network)\n\(Self.settings)", set: set)
  }

  private func loader(_ recipe: TrainRecipe, _ dataset: Described) throws -> BatchLoader {
    var loading = recipe.loading
    loading.workers = 0
    return BatchLoader(try recipe.trainingData(of: dataset), batchSize: 16, loading)
  }

  /// An untrained model whose output depends on all of its conditioning.
  private func model(_ set: [String] = [], network: String = network) throws -> Model {
    let described = try recipe(set, network: network).modelRecipe(for: Described())
    let network = try described.network.member.makeNetwork(using: Initializer(Generator(seed: 1)))
    try Tiny.unzero(network)
    return Model(recipe: described, provenance: Provenance(), network: network)
  }

  /// A file with the rows, `[K, D]`, or with a single row, `[D]`.
  private func file(_ rows: [[Double]], _ dtype: DType = .float32, flat: Bool = false) throws -> String {
    let values = Tensor(rows.flatMap { $0 }, flat ? [rows[0].count] : [rows.count, rows[0].count]).to(dtype)
    return try folder.write(NPY.encode(values.bytes(), shape: values.shape, dtype: dtype), to: "v.npy")
  }

  private func sample(_ model: Model, _ count: Int = 2, _ change: (inout SamplingRequest) -> Void = { _ in }) throws -> [Image] {
    try SamplingJob(request(count, change), model: model).finish()
  }

  // MARK: Training

  @Test func modelTrainedOnVectorsSamplesAsTheyDescribe() throws {
    let recipe = try recipe(["process.parameterization=x0"]), dataset = Described(), described = try recipe.modelRecipe(for: dataset)
    let network = try described.network.member.makeNetwork(using: Initializer(Generator(seed: 1)))
    let loss = try TrainingLoss(recipe, described, network, on: .cpu)
    let trainer = Trainer(network, loader: try loader(recipe, dataset), recipe: recipe.training, on: .cpu) { try loss($0, $1, $2) }
    for _ in 0..<60 { _ = try trainer.next() }
    let path = try folder.file("described.safetensors")
    try Tiny.write(Model(recipe: described, provenance: Provenance(), network: network), to: path)

    let model = try Model(path), vectors = try file([[1, 0], [0, 1], [1, 0]])
    #expect(model.recipe.data.contextSize == 2 && model.recipe.data.nullContext && model.recipe.data.classNames.isEmpty)
    let images = try sample(model, 3) { $0.contexts = .file(vectors) }
    let means = images.map { $0.bytes.reduce(0) { $0 + Int($1) } / 16 }
    #expect(means[0] < 90 && means[1] > 166 && means[2] < 90, "\(means)")
    // Equal vectors give equal images.
    #expect(try sample(model, 3) { $0.contexts = .vectors([[1, 0], [0, 1], [1, 0]]) } == images)

    // Editing gives no vectors.
    try images[0].write(to: folder.file("picture.png"))
    let request = try InversionRequest(model: path, pictures: [folder.file("picture.png")], latents: folder.file("l.npz"))
    let error = refusal { try InversionJob(request) }
    #expect(error?.failure == .usage && error?.description.contains("needs a context vector for every image") == true)
  }

  @Test func trainingReplacesAShareOfTheVectorsByZeros() throws {
    func loss(_ dropout: Double, _ vectors: [Float]?) throws -> Double {
      let recipe = try recipe(["training.class_dropout=\(dropout)"]), model = try model(["training.class_dropout=\(dropout)"])
      let batch = try loader(recipe, Described(replacement: vectors)).batch(at: 0, on: .cpu)
      return try TrainingLoss(recipe, model.recipe, model.network, on: .cpu)(batch, Seed(0), 0).mean(0..<batch.images.size(0)).detach()
        .item()
    }
    #expect(try loss(1, nil) == loss(1, [0, 0]))
    #expect(try loss(0, nil) != loss(0, [0, 0]))
    #expect(try loss(0.5, nil) != loss(0, nil) && loss(0.5, nil) != loss(1, nil))
  }

  @Test(arguments: [[1], [1, .nan], []] as [[Float]]) func pictureWithAnInvalidVectorIsRefused(vector: [Float]) throws {
    let error = #expect(throws: DatasetError.self) { try loader(recipe(), Described(replacement: vector)).batch(at: 0, on: .cpu) }
    #expect(error?.description.contains("finite numbers, expected 2") == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    (["network.context_dim=3"], "takes context vectors of context_dim 3 numbers, and those of the data have 2"),
    (["training.class_dropout=0", "sampling.guidance_scale=2"], "needs training.class_dropout above 0"),
  ]) func networkThatDoesNotTakeTheVectorsIsRefused(set: [String], words: String) throws {
    let error = refusal { try recipe(set).modelRecipe(for: Described()) }
    #expect(error?.failure == .data && error?.description.contains(words) == true, "\(error?.description ?? "taken")")
    let other = refusal {
      try recipe(network: "{ type: nice_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }")
        .modelRecipe(for: Described())
    }
    #expect(other?.description.contains("this network has no context, but context vectors were given") == true)
  }

  @Test func admUNetTakesVectorsToo() throws {
    let adm = try model(network: "{ type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }")
    #expect(adm.network.stateDict()["context_emb.weight"]?.shape == [128, 2])
    let (dark, bright) = (
      try sample(adm, 1) { $0.contexts = .vectors([[1, 0]]) }, try sample(adm, 1) { $0.contexts = .vectors([[0, 1]]) }
    )
    #expect(try dark != bright && sample(adm, 1) != bright)
  }

  // MARK: Sampling

  @Test func imagesTakeVectorsInTurn() throws {
    var request = request(5)
    request.contexts = .vectors([[1, 2], [3, 4], [5, 6]])
    let conditions = try SamplingConditions(request, model().recipe.data, on: .cpu)
    #expect(try conditions.condition(1..<5)?.floats() == [3, 4, 5, 6, 1, 2, 3, 4])
    #expect(try conditions.null(1..<5)?.floats() == [Float](repeating: 0, count: 8))
  }

  @Test func noiseDoesNotDependOnTheVectors() throws {
    let model = try model()
    let (a, b) = (
      try sample(model) { $0.contexts = .vectors([[1, 0], [0, 1]]) }, try sample(model) { $0.contexts = .vectors([[0, 1]]) }
    )
    #expect(a[0] != b[0] && a[1] == b[1])
  }

  @Test(arguments: [DType.float16, .float32, .float64], [false, true])
  func filesOfEveryPrecisionWorkAndOneVectorAppliesToAllImages(dtype: DType, flat: Bool) throws {
    let model = try model(), path = try file([[0.5, -2]], dtype, flat: flat)
    #expect(try sample(model) { $0.contexts = .file(path) } == sample(model) { $0.contexts = .vectors([[0.5, -2], [0.5, -2]]) })
  }

  @Test func missingVectorsAndZeroGuidanceMeanZeros() throws {
    let model = try model(), free = try sample(model)
    #expect(try sample(model) { $0.contexts = .vectors([[0, 0]]) } == free)
    func guided(_ scale: Double) throws -> [Image] {
      try sample(model) { ($0.contexts, $0.settings) = (.vectors([[1, 0]]), ["sampling.guidance_scale=\(scale)"]) }
    }
    #expect(try guided(0) == free)
    #expect(try guided(3) != guided(1))
  }

  /// Requests are validated against the recipe before any computation.
  @Test func unsupportedConditioningIsRefused() throws {
    let vectors = try model(), always = try model(["training.class_dropout=0"]), classes = try Tiny.model()
    let text = try folder.write("no array", to: "text.npy")
    let cases: [(Model, String, Failure, (inout SamplingRequest) throws -> Void)] = [
      (vectors, "expected floating-point numbers of the shape [K, 2]", .data, { $0.contexts = .file(try file([[1, 2, 3]])) }),
      (vectors, "found float32 [3]", .data, { $0.contexts = .file(try file([[1, 2, 3]], flat: true)) }),
      (vectors, "found int64 [1, 2]", .data, { $0.contexts = .file(try file([[1, 2]], .int64)) }),
      (vectors, "vector 1 contains a number that is not finite", .data, { $0.contexts = .file(try file([[1, 2], [.nan, 0]])) }),
      (vectors, "a number that is not finite as float32", .data, { $0.contexts = .file(try file([[1e300, 2]], .float64)) }),
      (vectors, "expected vectors of 2 numbers, found 3", .usage, { $0.contexts = .vectors([[1, 2], [1, 2, 3]]) }),
      (vectors, "the shape [K, 2]", .data, { $0.contexts = .vectors([]) }),
      (vectors, "takes context vectors of 2 numbers, not classes", .usage, { $0.classes = .only(["even"]) }),
      (
        vectors, "leave one of --class and --context out", .usage,
        {
          $0.classes = .none
          $0.contexts = .vectors([[1, 2]])
        }
      ),
      (vectors, "needs a vector, and no vector was requested", .usage, { $0.settings = ["sampling.guidance_scale=3"] }),
      (always, "needs a context vector for every image; give vectors of 2 numbers", .usage, { _ in }),
      (
        always, "this one has no null vector", .usage,
        {
          $0.settings = ["sampling.guidance_scale=3"]
          $0.contexts = .vectors([[1, 2]])
        }
      ),
      (classes, "takes classes, not context vectors", .usage, { $0.contexts = .vectors([[1, 2]]) }),
    ]
    for (model, words, failure, change) in cases {
      var wanted = request()
      try change(&wanted)
      let error = refusal { try SamplingJob(wanted, model: model) }
      #expect(error?.failure == failure && error?.description.contains(words) == true, "\(words): \(error?.description ?? "taken")")
    }
    #expect(throws: ArrayError.self) { try sample(vectors) { $0.contexts = .file(text) } }
    #expect(throws: (any Error).self) { try sample(vectors) { $0.contexts = .file("/nowhere.npy") } }
  }

  // MARK: Recipes

  @Test func inspectionShowsTheirLength() throws {
    let path = try folder.file("model.safetensors")
    try Tiny.write(model(), to: path)
    let network = try Inspection(of: path).network
    #expect(network?.contextSize == 2 && network?.classNames.isEmpty == true)
  }

  @Test func recipeOfACheckpointNeedsTheLengthOnce() throws {
    var described = try model().recipe
    described.data.contextSize = nil
    #expect(refusal { try described.tryOut() }?.description.contains("the data come with none") == true)
    #expect(described.adapted().data.contextSize == 2)
    try described.adapted().tryOut()
    described.network = Choice(ADMUNet.Recipe())
    #expect(refusal { try described.tryOut() }?.description.contains("data.null_context is true, and the data have no vectors") == true)
  }

  @Test(arguments: [
    ("{context_size: 0}", "expected 1 to"), ("{context_size: 2, class_names: [a]}", "class_names or context_size alone"),
  ]) func contradictoryDataSpecIsRefused(data: String, words: String) {
    let error = #expect(throws: RecipeError.self) { try ModelRecipe(yaml: "data: \(data)") }
    #expect(error?.description.contains(words) == true)
  }
}
