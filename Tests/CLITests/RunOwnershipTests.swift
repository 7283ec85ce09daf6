import Foundation
import Testing

/// Two processes and one run folder.
@Suite("A run folder in use") struct RunOwnershipTests {
  let shop: Workshop

  init() throws { shop = try Workshop() }

  private static let forever = ["--set", "training.duration=1h", "--set", "training.checkpoint_every=4", "--set", "training.log_every=4"]
  private static let train = ["train", "tiny.yaml", "--run", "run"], resume = ["resume", "run"]

  @Test(arguments: [train, resume], [train, resume]) func isRefusedToASecondProcess(first: [String], second: [String]) throws {
    if first == Self.resume { try shop.train() }
    let owner = try Program.start([Program.path] + first + Self.forever, in: shop.path)
    defer { kill(owner.processIdentifier, SIGKILL) }
    let entry = "\"pid\":\(owner.processIdentifier)"
    for _ in 0..<600 where (try? shop.text("run/lock").contains(entry)) != true { usleep(50_000) }
    let refused = try Program.run(second + Self.forever, in: shop.path)
    #expect(refused.status == 74, "\(refused.errors)")
    #expect(refused.errors.contains("run: is in use: process \(owner.processIdentifier) on "), "\(refused.errors)")
    kill(owner.processIdentifier, SIGINT)
    #expect(try Program.finish(owner).status == 130)
    let step = try #require(try shop.state()["step"] as? Int)
    let next = try shop.run("resume", "run", "--quiet", "--set", "training.duration=\(4 * step + 4)")
    #expect(next.status == 0, "\(next.errors)")
  }

  @Test func isFreeAfterItsProcessWasKilledAndTheLogRepeatsNoStep() throws {
    let owner = try Program.start([Program.path] + Self.train + Self.forever, in: shop.path)
    for _ in 0..<600 where (try? shop.text("run/log.jsonl").count) ?? 0 < 2000 { usleep(50_000) }
    kill(owner.processIdentifier, SIGKILL)
    _ = try Program.finish(owner)
    let step = try #require(try shop.state()["step"] as? Int)
    let next = try shop.run("resume", "run", "--quiet", "--set", "training.duration=\(4 * step + 16)")
    #expect(next.status == 0, "\(next.errors)")
    let steps = try shop.text("run/log.jsonl").split(separator: "\n").map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])["step"] as? Int ?? 0
    }
    #expect(steps == Array(1...(step + 4)))
  }

  @Test(arguments: ["weights.safetensors", "model.safetensors", "optimizer.safetensors"]) func thatIsDamagedIsNotResumed(part: String)
    throws
  {
    try shop.train()
    let latest = try shop.text("run/latest").trimmingCharacters(in: .newlines)
    var bytes = [UInt8](try shop.contents("run/checkpoints/\(latest)/\(part)"))
    bytes[bytes.count - 9] ^= 4
    try shop.write(bytes, to: "run/checkpoints/\(latest)/\(part)")
    let refused = try shop.run("resume", "run", "--set", "training.duration=16")
    #expect(refused.status == 65 && refused.errors.contains("\(latest)/\(part): is damaged"), "\(refused.errors)")
  }

  @Test func whoseRecipeLostItsTrainingSectionIsNotResumed() throws {
    try shop.train()
    let recipe = try shop.text("run/recipe.yaml"), start = try #require(recipe.range(of: "\ntraining:"))
    try shop.write(String(recipe[..<start.lowerBound]) + "\n", to: "run/recipe.yaml")
    let refused = try shop.run("resume", "run")
    #expect(refused.status == 65 && refused.errors.contains("run/recipe.yaml: is not as the training wrote it"), "\(refused.errors)")
  }
}
