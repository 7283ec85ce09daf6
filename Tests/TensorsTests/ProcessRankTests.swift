import Failures
import Testing

@testable import Tensors

@Suite("Rank of a process") struct ProcessRankTests {
  @Test func theVariablesOfTorchrunAreRead() throws {
    let place = try #require(
      try ProcessRank.from([
        "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "4000",
        "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "2",
      ]))
    #expect((place.rank, place.size, place.localRank) == (3, 4, 1))
    #expect(place.address == "node1" && place.port == 4000 && place.isStoreServed && place.prefix.hasSuffix("2"))
  }

  @Test func theVariablesOfSlurmAreRead() throws {
    let slurm = ["SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0", "MASTER_ADDR": "node1"]
    let place = try #require(try ProcessRank.from(slurm))
    #expect((place.rank, place.size, place.localRank, place.port) == (1, 2, 0, 29500))
    #expect(try ProcessRank.from(slurm.merging(["SLURM_STEP_NUM_TASKS": "4"]) { $1 })?.size == 4)
  }

  @Test func aProcessOfItsOwnHasNoRank() throws {
    #expect(try ProcessRank.from([:]) == nil)
    #expect(try ProcessRank.from(["WORLD_SIZE": "1", "RANK": "0"]) == nil)
    // The batch script itself.
    #expect(try ProcessRank.from(["SLURM_PROCID": "0", "SLURM_NTASKS": "8"]) == nil)
    #expect(try ProcessRank.from(["SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "1", "MASTER_ADDR": "a"]) == nil)
  }

  @Test(arguments: [
    (["WORLD_SIZE": "2", "MASTER_ADDR": "a"], "RANK is not set"),
    (["WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "a"], "RANK is 2; expected 0 to 1"),
    (["WORLD_SIZE": "two", "RANK": "0"], "WORLD_SIZE is two"),
    (["WORLD_SIZE": "2", "RANK": "0"], "MASTER_ADDR"),
    (["WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "99999"], "MASTER_PORT is 99999"),
    (["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"], "MASTER_ADDR is not set"),
  ])
  func variablesThatDoNotFitAreRefused(variables: [String: String], message: String) {
    #expect { try ProcessRank.from(variables) } throws: { error in
      Failure(of: error) == .usage && "\(error)".contains(message)
    }
  }

  @Test func theVariablesOfARankGiveItAgain() throws {
    let place = ProcessRank(rank: 1, localRank: 0, size: 3, address: "127.0.0.1", port: 5, isStoreServed: true, prefix: "sfumato/0")
    #expect(try ProcessRank.from(place.variables) == place)
  }
}
