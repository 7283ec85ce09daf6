import Testing

@testable import Tensors

@Suite("A state dict") struct StateDictTests {
  /// Each name with a vector of that many elements.
  private func dict(_ entries: [(String, Int)]) -> StateDict { StateDict(entries.map { ($0.0, Tensor.ones([$0.1])) }) }
  private func sizes(_ dict: StateDict) -> [Int] { dict.entries.map { $0.tensor.count } }

  @Test func namesKeepTheirOrder() {
    var state = dict([("b", 1), ("a", 2), ("c", 3)])
    #expect(state.names == ["b", "a", "c"] && sizes(state) == [1, 2, 3])
    state["a"] = .ones([5])
    #expect(state.names == ["b", "a", "c"] && sizes(state) == [1, 5, 3])
    state["b"] = nil
    state["b"] = .ones([7])
    #expect(state.names == ["a", "c", "b"] && sizes(state) == [5, 3, 7])
    #expect(state.count == 3 && state.elementCount == 15)
  }

  @Test func aMissingNameIsNilAndEntriesCanBeRemoved() {
    var state = dict([("a", 1)])
    #expect(state["b"] == nil)
    state["b"] = nil
    #expect(state.names == ["a"])
    #expect(StateDict().count == 0 && StateDict().entries.isEmpty && StateDict().elementCount == 0)
  }

  @Test func theLastTensorOfARepeatedNameIsKept() {
    let state = dict([("a", 1), ("b", 2), ("a", 3)])
    #expect(state.names == ["a", "b"] && sizes(state) == [3, 2])
  }

  @Test func prefixesAreAddedAndRemoved() {
    let state = dict([("model.a", 1), ("model_ema.a", 2), ("model.b.c", 3), ("a.model.", 4)])
    #expect(state.under("model.").names == ["a", "b.c"] && sizes(state.under("model.")) == [1, 3])
    #expect(state.under("model.").prefixed("model.").names == ["model.a", "model.b.c"])
    #expect(state.under("").names == state.names)
    #expect(state.under("none").count == 0)
  }

  @Test func mergingOverwritesInPlaceAndPutsNewNamesLast() {
    let merged = dict([("a", 1), ("b", 2)]).merging(dict([("c", 3), ("a", 4)]))
    #expect(merged.names == ["a", "b", "c"] && sizes(merged) == [4, 2, 3])
  }

  @Test func aCopyIsIndependent() {
    let state = dict([("a", 1)])
    var copy = state
    copy["b"] = .ones([2])
    #expect(state.names == ["a"] && copy.names == ["a", "b"])
  }

  @Test func scalarsAndEmptyTensorsCountTheirElements() {
    #expect(StateDict([("a", Tensor.ones([])), ("b", Tensor.ones([0, 3])), ("c", Tensor.ones([2, 3]))]).elementCount == 7)
  }
}
