/// The objects of responses, and of requests that are not jobs.
enum Schemas {
  static let problem = ObjectSchema(
    "Problem",
    [
      .required("type", .text), .required("title", .text), .required("status", .integer),
      .required("detail", .text, "What was found and what was expected."), .optional("hint", .text, "What to do."),
    ])

  static let status = ObjectSchema(
    "Status",
    [
      .required("version", .text), .required("device", .text), .required("threads", .natural), .required("memory_bytes", .natural),
      .required("data_bytes", .natural, "What the data folder holds."), .required("data_limit_bytes", .natural),
      .required("running", .natural, "Jobs that compute."), .required("waiting", .natural),
      .required("connections", .natural), .required("streams", .natural),
      .required(
        "folders", .list(.object(ObjectSchema("Folder", [.required("id", .id), .required("name", .text)]))), "Those given at start."),
    ])

  static let doctor = ObjectSchema(
    "Doctor",
    [
      .required("facts", .list(.object(ObjectSchema("Fact", [.required("name", .text), .required("value", .text)])))),
      .required(
        "checks",
        .list(.object(ObjectSchema("Check", [.required("name", .text), .required("ok", .boolean), .required("detail", .text)])))),
    ])

  private static let modelFields: [ObjectSchema.Field] = [
    .required("id", .id), .required("name", .text), .required("kind", .choice(["diffusion", "restoration", "classifier", "upscaler"])),
    .required("origin", .choice(["bundled", "run"])), .required("width", .natural), .required("height", .natural),
    .required("channels", .natural), .required("classes", .list(.text)), .required("parameters", .natural),
    .optional("sampler", .text), .optional("steps", .natural), .optional("guidance_scale", .number), .required("size_bytes", .natural),
    .optional(
      "strengths",
      .list(.object(ObjectSchema("Strength", [.required("name", .text), .required("default", .number)]))),
      "The corruptions whose strengths a restoration model takes."),
  ]
  static let model = ObjectSchema("Model", modelFields)
  static let models = ObjectSchema("Models", [.required("models", .list(.object(model)))])
  static let modelDetails = ObjectSchema(
    "ModelDetails", modelFields + [.required("recipe", .text, "YAML."), .required("provenance", .map(.any))])

  static let samplers = ObjectSchema(
    "Samplers",
    [
      .required(
        "samplers",
        .list(
          .object(
            ObjectSchema(
              "Sampler",
              [
                .required("type", .text), .optional("order", .natural), .required("evaluations", .natural, "In a step."),
                .required(
                  "options",
                  .list(
                    .object(
                      ObjectSchema("SamplerOption", [.required("name", .text), .required("kind", .text), .required("default", .any)])))),
              ]))))
    ])

  static let picture = ObjectSchema(
    "Picture",
    [
      .required("id", .id), .required("name", .text, "As the client called it."), .required("width", .natural),
      .required("height", .natural),
      .required("channels", .natural), .required("format", .text), .required("bytes", .natural),
      .optional("jpeg_quality", .natural, "Estimated from the file."),
    ])

  static let plan = ObjectSchema(
    "Plan",
    [
      .required(
        "pictures",
        .list(
          .object(
            ObjectSchema(
              "PlannedPicture",
              [
                .required("width", .natural), .required("height", .natural), .required("result_width", .natural),
                .required("result_height", .natural), .required("tiles", .natural),
              ])))),
      .required("evaluations", .natural, "Of the network."), .optional("seconds", .number), .optional("memory_bytes", .natural),
      .optional("disk_bytes", .natural), .required("warnings", .list(.text)),
      .optional("strengths", .map(.number), "What 'auto' stands for, of a single picture."),
    ])

  static let detail = ObjectSchema(
    "DetailRequest",
    [
      .required("picture", .id), .optional("model", .id), .optional("scale", .number(1...4)), .optional("strengths", JobSchemas.strengths),
      .optional("detail", .number(0...1)), .optional("evaluations", .integer(1...1000)), .optional("seed", .natural),
      .required("x", .natural, "In pixels of the result."), .required("y", .natural), .required("size", .integer(16...192)),
      .optional("client", .string(maximum: 64), "A name of the window, whose newer details replace waiting ones."),
    ])

  static let dataRequest = ObjectSchema(
    "DataRequest",
    [.required("name", .string(maximum: 80)), .optional("classes", .list(.string(maximum: 40), 0...1000), "Their order is kept.")])
  private static let classCount = ObjectSchema("ClassCount", [.required("name", .text), .required("count", .natural)])
  static let dataSet = ObjectSchema(
    "DataSet",
    [
      .required("id", .id), .required("name", .text), .required("count", .natural), .required("classes", .list(.object(classCount))),
      .required(
        "unreadable", .list(.object(ObjectSchema("Unreadable", [.required("name", .text), .required("problem", .text)])))),
      .optional(
        "sizes",
        .object(
          ObjectSchema(
            "Sizes",
            ["smallest", "median", "largest"].map {
              .required($0, .object(ObjectSchema("Size", [.required("width", .natural), .required("height", .natural)])))
            } + [.required("different", .natural)]))),
      .required("is_complete", .boolean, "False for the first pictures of a large folder."),
    ])
  static let dataSets = ObjectSchema(
    "DataSets",
    [
      .required(
        "data", .list(.object(ObjectSchema("DataSetName", [.required("id", .id), .required("name", .text), .required("count", .natural)]))))
    ])
  static let added = ObjectSchema("Added", [.required("name", .text), .required("width", .natural), .required("height", .natural)])

  static let recipes = ObjectSchema(
    "Recipes",
    [
      .required(
        "recipes",
        .list(.object(ObjectSchema("Recipe", [.required("name", .text), .required("title", .text), .required("text", .text)]))))
    ])
  static let fields = ObjectSchema(
    "Fields",
    [
      .required(
        "fields",
        .list(
          .object(
            ObjectSchema(
              "Field",
              [
                .required("path", .text), .required("kind", .choice(["number", "integer", "text", "boolean", "choice"])),
                .required("default", .any, "Of a recipe that says nothing of it."), .required("value", .any, "Of this recipe."),
                .optional("choices", .list(.text)), .required("documentation", .text),
              ]))))
    ])
  static let recipeCheck = ObjectSchema(
    "RecipeCheckRequest",
    [.required("recipe", .id), .optional("settings", JobSchemas.settings), .optional("data", .id)])
  static let recipeFacts = ObjectSchema(
    "RecipeFacts",
    [
      .required("ok", .boolean), .required("warnings", .list(.text)), .optional("memory_bytes", .natural),
      .required("parameters", .natural),
      .required("images", .natural), .required("classes", .natural),
    ])

  static let run = ObjectSchema(
    "Run",
    [
      .required("id", .id), .required("name", .text), .required("state", .choice(["starting", "training", "stopped", "finished"])),
      .required("step", .natural), .required("images", .natural), .optional("duration", .text), .optional("last_loss", .number),
      .required("has_report", .boolean), .optional("progress", .number), .required("seconds", .number), .required("has_model", .boolean),
    ])
  static let runs = ObjectSchema("Runs", [.required("runs", .list(.object(run)))])
  static let log = ObjectSchema("Log", [.required("lines", .list(.map(.any)))])
  static let previews = ObjectSchema(
    "Previews",
    [
      .required(
        "previews", .list(.object(ObjectSchema("Preview", [.required("step", .natural, "Images seen."), .required("url", .text)]))))
    ])
}
