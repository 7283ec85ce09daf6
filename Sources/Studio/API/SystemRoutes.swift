import Diffusion
import Foundation
import Models
import RecipeKit
import Tensors
import Workflows

/// Status, doctor, models and samplers.
extension StudioServer {
  var systemRoutes: [Route] {
    [
      .get("/status", "Where the studio stands", .json(Schemas.status)) { [self] _ in .json(status) },
      .get("/doctor", "The state of this installation", .json(Schemas.doctor)) { [self] _ in
        .json(try await lane.run { Self.doctor(DoctorReport.examine()) })
      },
      .get("/models", "The models that can be used", .json(Schemas.models)) { [self] _ in
        .json(["models": .array(try await library.models.list())])
      },
      .get("/models/{id}", "A model with its recipe", .json(Schemas.modelDetails)) { [self] request in
        .json(try await library.models.details(of: request["id"]))
      },
      .get("/models/{id}/file", "Downloads a model", .file("application/octet-stream")) { [self] request in
        let place = try library.models.place(request["id"])
        return try .file(place.path, type: "application/octet-stream", download: "\(place.id).safetensors")
      },
      .get("/samplers", "The samplers and their options", .json(Schemas.samplers)) { _ in .json(Self.samplers) },
    ]
  }

  private var status: JSON {
    let (running, waiting) = queue.counts, (connections, streams) = admission.counts
    return [
      "version": .string(sfumatoVersion), "device": .string(library.device.description), "threads": .integer(Torch.threadCount),
      "memory_bytes": .integer(Int(clamping: ProcessInfo.processInfo.physicalMemory)), "data_bytes": .integer(library.folder.bytes),
      "data_limit_bytes": .integer(library.folder.limit), "running": .integer(running), "waiting": .integer(waiting),
      "connections": .integer(connections), "streams": .integer(streams),
      "folders": .array(library.data.folders.map { ["id": .string($0.id), "name": .string($0.name)] }),
    ]
  }

  private static func doctor(_ report: DoctorReport) -> JSON {
    // One of several lines is one here.
    let facts = report.facts(paths: false).reduce(into: [(name: String, value: String)]()) { facts, fact in
      if fact.name.isEmpty { facts[facts.count - 1].value += "; \(fact.value)" } else { facts.append(fact) }
    }
    let checks = report.checks.map { check -> JSON in
      let detail = [check.problem, check.advice].compactMap { $0 }.joined(separator: "; ")
      return ["name": .string(check.name), "ok": .boolean(check.outcome == .ok), "detail": .string(detail)]
    }
    return ["facts": .array(facts.map { ["name": .string($0.name), "value": .string($0.value)] }), "checks": .array(checks)]
  }

  private static let samplers: JSON = {
    let samplers = SamplerRegistry.all.compactMap { type -> JSON? in
      guard let sampler = type.init() as? any Sampler else { return nil }
      let options = sampler.fields.map { field -> JSON in
        ["name": .string(field.path), "kind": .string(RecipeForm.kind(of: field)), "default": RecipeForm.json(field.text)]
      }
      return .members([
        "type": .string(type.name), "order": .optional(sampler.order), "evaluations": .integer(Swift.type(of: sampler).evaluationsPerStep),
        "options": .array(options),
      ])
    }
    return ["samplers": .array(samplers)]
  }()
}
