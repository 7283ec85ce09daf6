import Diffusion
import Failures
import Foundation
import Models
import RecipeKit
import Synchronization
import Training
import Workflows

/// The models that can be used: bundled ones, and those of the runs in the data folder.
final class ModelCatalogue: Sendable {
  struct Place: Sendable { let id: String, name: String, origin: String, path: String }

  private let runs: RunStore
  private let lane: WorkLane
  private let described = Mutex<[String: (bytes: Int, changed: Int, details: JSON)]>([:])

  init(_ runs: RunStore) {
    self.runs = runs
    lane = WorkLane("models", limit: 32)
  }

  var places: [Place] {
    let bundled = BundledFiles.named(in: "models", ending: ".safetensors").sorted { $0.key < $1.key }
    return bundled.map { Place(id: $0.key, name: $0.key, origin: "bundled", path: $0.value) }
      + runs.withModels.map { Place(id: $0.id, name: $0.name, origin: "run", path: $0.model) }
  }

  /// - Throws: `Problem` 404 with the nearest name.
  func place(_ id: String) throws -> Place {
    let places = places
    guard let place = places.first(where: { $0.id == id }) else {
      throw Problem(404, "there is no model '\(id.prefix(60))'; \(Suggestion.phrase(for: String(id.prefix(60)), among: places.map(\.id)))")
    }
    return place
  }

  /// Models that cannot be described are left out of the list; asking for one says why.
  func list() async throws -> [JSON] {
    let places = places
    return try await lane.run { [self] in
      places.compactMap { try? details($0) }.map { details in
        guard case .object(var members) = details else { return details }
        (members["recipe"], members["provenance"]) = (nil, nil)
        return .object(members)
      }
    }
  }

  func details(of id: String) async throws -> JSON {
    let place = try place(id)
    return try await lane.run { [self] in try details(place) }
  }

  private func details(_ place: Place) throws -> JSON {
    var facts = stat()
    guard stat(place.path, &facts) == 0 else { throw Problem(404, "the file of the model '\(place.id)' is gone") }
    let (bytes, changed) = (Int(facts.st_size), Int(facts.st_mtim.tv_sec))
    if let known = described.withLock({ $0[place.path] }), known.bytes == bytes, known.changed == changed { return known.details }
    let details = try Self.describe(place, bytes)
    described.withLock { described in
      if described.count > 200 { described = [:] }
      described[place.path] = (bytes, changed, details)
    }
    return details
  }

  private static func describe(_ place: Place, _ bytes: Int) throws -> JSON {
    let inspection = try Inspection(of: place.path)
    guard let network = inspection.network, let kind = kind(inspection.kind) else {
      throw Problem(422, "the model '\(place.id)' cannot be described: \(inspection.recipeProblem ?? "it is no model of Sfumato")")
    }
    let restoration = network.restoration?.corruptionNames.filter { $0 != "reduction" }
    var members: [String: JSON?] = [
      "id": .string(place.id), "name": .string(place.name), "kind": .string(kind), "origin": .string(place.origin),
      "channels": .integer(network.image[0]), "height": .integer(network.image[1]), "width": .integer(network.image[2]),
      "classes": .strings(network.classNames), "parameters": .integer(inspection.parameters), "size_bytes": .integer(bytes),
      "strengths": restoration.map { .array($0.map { ["name": .string($0), "default": 0] }) },
      "provenance": provenance(inspection.provenance),
    ]
    if kind == "diffusion" {
      let file = try ModelFile(place.path, expecting: .denoiser), recipe = try ModelRecipe(yaml: file.recipe)
      members["recipe"] = .string(file.recipe)
      members["sampler"] = .string(recipe.sampler.type)
      members["steps"] = .integer(recipe.sampling.steps)
      members["guidance_scale"] = .number(recipe.sampling.guidanceScale)
    } else if kind == "restoration" {
      let file = try ModelFile(place.path, expecting: .superResolution), recipe = try SuperResolutionModelRecipe(yaml: file.recipe)
      members["recipe"] = .string(file.recipe)
      members["sampler"] = .string(recipe.sampler.type)
      members["steps"] = .integer(recipe.sampling.steps)
    } else {
      members["recipe"] = .string("")
    }
    return .object(members.compactMapValues { $0 })
  }

  private static func kind(_ kind: Inspection.Kind) -> String? {
    switch kind {
    case .model: "diffusion"
    case .superResolution: "restoration"
    case .classifier: "classifier"
    case .upscaler: "upscaler"
    default: nil
    }
  }

  private static func provenance(_ provenance: Provenance?) -> JSON {
    guard let provenance else { return [:] }
    return .members([
      "step": .integer(provenance.step), "images": .integer(provenance.images), "seed": .integer(Int(clamping: provenance.seed)),
      "sfumato": .string(provenance.sfumato), "libtorch": .string(provenance.libtorch),
      "converted_from": .optional(provenance.convertedFrom.map { ($0 as NSString).lastPathComponent }),
    ])
  }
}
