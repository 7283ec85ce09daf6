import Archives
import Checkpoints
import Datasets
import Diffusion
import Failures
import Imaging
import NN
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Kinds of failure") struct FailureTests {
  static let cases: [(any Error & Sendable, Failure)] = [
    (SfumatoError(.usage, ""), .usage), (Failure.interrupted, .interrupted),
    (CheckpointError(.missing, "", ""), .missing), (CheckpointError(.invalid, "", ""), .data), (CheckpointError(.io, "", ""), .io),
    (RecipeError(place: nil, ""), .data), (DiffusionError.noBetas, .data), (TrainingError(""), .data),
    (DatasetError("", .missing(files: [], instructions: "")), .missing), (DatasetError("", .notIDX(start: [])), .data),
    (DatasetError("", .described(.missing, "")), .missing), (DatasetError("", .described(.io, "")), .io),
    (ImagingError(.unwritable("")), .io), (ImagingError(.missing), .missing), (ImagingError(.unreadable("")), .io),
    (ImagingError(.notAPicture(nil)), .data), (ArrayError("", .notAnArray(nil)), .data), (DatasetError("", .oneHot(index: 0)), .data),
    (DatasetError("", .incomplete(missing: [])), .data), (DatasetError("", .labelsAlone), .data),
    (ImagingError(.libraryMissing(attempts: [])), .missing), (TorchFault(operation: "", message: ""), .internal),
    (TorchFault(operation: "", kind: .outOfMemory, message: ""), .memory), (RecipeError(place: "--set a=1", ""), .data),
    (CancellationError(), .internal),
  ]

  @Test(arguments: cases.indices) func followTheError(index: Int) {
    #expect(Failure(of: Self.cases[index].0) == Self.cases[index].1, "\(Self.cases[index].0)")
  }

  @Test func aFaultForWantOfMemorySaysWhatToDo() {
    let fault = TorchFault(operation: "empty", kind: .outOfMemory, message: "not enough")
    #expect("\(fault)".contains("memory ran out: take fewer images at a time (--batch)"))
    #expect(!"\(TorchFault(operation: "empty", message: "shapes"))".contains("memory"))
  }

  /// Foundation's `deletingLastPathComponent` ends the program for the third.
  @Test(arguments: [
    ("a/b/c", "a/b"), ("/a", "/"), ("a", ""), ("", ""), ("/", "/"), ("//", "/"), ("a/", ""), ("a/b//", "a"), ("a//b", "a"), ("./é", "."),
  ]) func theParentFolderOfEveryPathIsKnown(path: String, parent: String) { #expect(path.parentFolder == parent) }
}
