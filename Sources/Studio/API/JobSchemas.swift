import Diffusion
import Foundation

/// What a job is asked by, and what is said of it.
enum JobSchemas {
  static let strengths = Schema.either([.choice(["auto"]), .map(.number(0...1))])
  static let settings = Schema.map(.either([.string(maximum: 400), .number, .boolean]))

  static let sample = ObjectSchema(
    "SampleJob",
    [
      .required("kind", .choice(["sample"])), .required("model", .id), .optional("count", .integer(1...64)),
      .optional("classes", .either([.choice(["all", "none"]), .list(.string(maximum: 100), 1...1000)])),
      .optional("seed", .natural), .optional("sampler", .choice(SamplerRegistry.names)), .optional("steps", .integer(1...1000)),
      .optional("guidance_scale", .number(-100...100)), .optional("eta", .number(0...1)),
      .optional(
        "init", .object(ObjectSchema("Start", [.required("picture", .id), .required("strength", .number(0.001...1))])), "A start picture."),
      .optional(
        "inpaint",
        .object(
          ObjectSchema(
            "Inpainting",
            [
              .required("picture", .id), .required("mask", .id, "White is repainted."), .optional("method", .choice(["repaint", "mask"])),
            ]))),
      .optional("animation", .boolean),
    ])

  static let restore = ObjectSchema(
    "RestoreJob",
    [
      .required("kind", .choice(["restore"])), .optional("picture", .id), .optional("pictures", .list(.id, 1...1000)),
      .optional("model", .id), .optional("scale", .number(1...4)), .optional("strengths", strengths),
      .optional("detail", .number(0...1)), .optional("evaluations", .integer(1...1000)), .optional("seed", .natural),
      .optional("format", .choice(["png", "jpg", "webp", "tif"])),
    ])

  static let train = ObjectSchema(
    "TrainJob",
    [
      .required("kind", .choice(["train"])), .optional("recipe", .id, "The name of a bundled recipe."), .optional("data", .id),
      .optional("settings", settings, "Values of the recipe by path, such as training.duration."),
      .optional("run", .id, "A run to resume, in place of a recipe."), .optional("name", .string(maximum: 80)),
    ])

  static let all = [sample, restore, train]

  static let result = ObjectSchema(
    "Result",
    [
      .required("name", .text), .required("url", .text), .required("type", .text), .required("bytes", .natural),
      .optional("width", .natural), .optional("height", .natural), .optional("seed", .natural), .optional("number", .natural),
      .optional("class", .text), .optional("picture", .id, "The picture that was restored."),
    ])

  static let job = ObjectSchema(
    "Job",
    [
      .required("id", .id), .required("kind", .choice(all.map { $0.name.replacingOccurrences(of: "Job", with: "").lowercased() })),
      .required("state", .choice(JobRecord.State.allCases.map(\.rawValue))), .optional("place", .natural, "In the queue, from 1."),
      .required("created", .text), .optional("started", .text), .optional("ended", .text), .required("share", .number(0...1)),
      .optional("seconds_left", .number), .optional("rate", .number, "Images a second."), .required("message", .text),
      .optional("problem", .object(Schemas.problem)),
      .required("settings", .map(.any)), .optional("preview", .text), .required("results", .list(.object(result))),
      .required("can_resume", .boolean), .optional("run", .id),
    ])
  static let jobs = ObjectSchema("Jobs", [.required("jobs", .list(.object(job)))])

  /// The schema of a job of some kind.
  /// - Throws: `Problem` 422.
  static func checked(_ value: JSON, among schemas: [ObjectSchema] = all) throws -> JSON {
    let kinds = ["sample": sample, "restore": restore, "train": train].filter { entry in schemas.contains { $0.name == entry.value.name } }
    guard value.object != nil else { throw Problem(422, "the body is \(value.summary); expected an object") }
    if let problem = Schema.choice(kinds.keys.sorted()).problem(with: value["kind"] ?? .null, at: "kind") { throw Problem(422, problem) }
    if let problem = kinds[value["kind"]?.string ?? ""]?.problem(with: value) { throw Problem(422, problem) }
    return value
  }
}
