import Testing

/// `sfumato studio` hands over to `sfumato-studio`, which this build made beside it.
@Suite("The command studio") struct StudioCommandTests {
  @Test func refusesOptionsThatMakeNoSense() throws {
    let port = try Program.run(["studio", "--port", "70000"], in: "/")
    #expect(port.status == 64 && port.errors.contains("the port must be 0 to 65535, not 70000"))
    let limit = try Program.run(["studio", "--data-limit", "0"], in: "/")
    #expect(limit.status == 64 && limit.errors.contains("the limit must be 1 to 1000000 GB"))
  }

  @Test func theServersErrorsHaveItsExitCodes() throws {
    let data = "/nowhere/of/studio"
    let made = try Program.run(["studio", "--port", "0", "--data", "/proc\(data)"], in: "/")
    #expect(made.status == 74 && made.errors.contains("give another folder with --data"), "\(made.errors)")
    let missing = try Program.run(["studio", "--port", "0", "--folder", data, "--data", "/proc\(data)"], in: "/")
    #expect(missing.status == 66 && missing.errors.contains("there is no such folder"), "\(missing.errors)")
    let token = try Program.run(["studio", "--port", "0", "--token", "short", "--data", "/proc\(data)"], in: "/")
    #expect(token.status == 64 && token.errors.contains("16 to 200"), "\(token.errors)")
  }
}
