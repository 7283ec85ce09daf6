import Foundation
import Testing

@testable import Studio

@Suite("JSON of the studio") struct JSONTests {
  @Test func writesWhatItReads() throws {
    let text = #"{"a":[1,2.5,true,null,"x\"\n\u2028é"],"b":{}}"#
    let value = try JSON(parsing: Data(text.utf8))
    #expect(try JSON(parsing: value.data) == value)
    #expect(value["a"]?.array?[1].number == 2.5 && value["a"]?.array?[0] == .integer(1))
    #expect(throws: (any Error).self) { try JSON(parsing: Data("{".utf8)) }
  }

  @Test func namesAnUnknownKeyWithTheNearest() {
    let problem = JobSchemas.sample.problem(with: ["kind": "sample", "model": "digits", "coutn": 3])
    #expect(problem == "unknown key 'coutn'; did you mean 'count'?")
    #expect(JobSchemas.sample.problem(with: ["kind": "sample"]) == "'model' is missing")
    #expect(JobSchemas.sample.problem(with: ["kind": "sample", "model": "digits", "count": 65])?.contains("from 1 to 64") == true)
    #expect(JobSchemas.sample.problem(with: ["kind": "sample", "model": "digits", "count": 64, "init": .null]) == nil)
  }
}
