import Diffusion

/// The canvases of a run: pictures of float32 at the size of the result, on disk, for what must outlive a step.
struct CanvasPlan {
  struct Picture: Equatable {
    /// Also the name of its file.
    let name: String
    let channels: Int
  }

  /// What a canvas holds. Two take turns where a step reads what the one before wrote: so that a band can be computed again.
  enum Role: Hashable {
    /// The noisy pictures that a step starts from; the first step's are noise, and need none.
    case images(step: Int)
    /// The noisy pictures of an evaluation within a step, from 1 on; the first is mostly of those that the step starts from.
    case state(evaluation: Int)
    /// What an evaluation gave that is not the last of its step.
    case answer(evaluation: Int)
    /// A tensor that the sampler remembers when a step starts.
    case memory(step: Int, index: Int)
    /// The first evaluation's estimate.
    case mean

    var name: String {
      switch self {
      case .images(let step): "images-\(step % 2)"
      case .state(let evaluation): "state-\(evaluation % 2)"
      case .answer(let evaluation): "answer-\(evaluation)"
      case .memory(let step, let index): "memory-\(step % 2)-\(index)"
      case .mean: "mean"
      }
    }
  }

  let pictures: [Picture]
  let keepsMean: Bool

  init(_ restorer: Restorer) {
    let channels = restorer.data.channels, needs = restorer.replay.needs
    keepsMean = restorer.detail < 1 && restorer.evaluations > 1
    var roles: [Role] = keepsMean ? [.mean] : []
    for (step, need) in needs.enumerated() {
      if step > 0 { roles.append(.images(step: step)) }
      roles += (0..<need.remembered).map { .memory(step: step, index: $0) }
      let count = need.levels.count
      roles += (1...max(count, 1)).filter { $0 > 1 || !need.startsAtImages }.map { .state(evaluation: $0) }
      roles += (1..<max(count, 1)).map { .answer(evaluation: $0) }
    }
    var seen: Set<String> = []
    pictures = roles.filter { seen.insert($0.name).inserted }.map { role in
      if case .answer = role { return Picture(name: role.name, channels: channels * restorer.planes.count) }
      return Picture(name: role.name, channels: channels)
    }
  }
}

/// The canvases themselves.
struct CanvasStore {
  private let pictures: [String: MappedPicture]

  /// Whether all files are those of an earlier run.
  let wasKept: Bool

  /// - Parameter keeping: whether what an earlier run left is kept.
  /// - Throws: as `MappedPicture`.
  init(_ plan: CanvasPlan, in folder: String, width: Int, height: Int, keeping: Bool) throws {
    var pictures: [String: MappedPicture] = [:]
    for picture in plan.pictures {
      pictures[picture.name] = try MappedPicture(
        at: "\(folder)/\(picture.name).canvas", width: width, height: height, channels: picture.channels, samples: .float32,
        keeping: keeping)
    }
    self.pictures = pictures
    wasKept = pictures.values.allSatisfy(\.wasKept)
  }

  subscript(_ role: CanvasPlan.Role) -> MappedPicture {
    guard let picture = pictures[role.name] else { preconditionFailure("no canvas \(role.name)") }
    return picture
  }
}
