import Tensors

/// What the processes of a training tell each other in each step before their gradients, so that all of them go on alike.
struct StepExchange {
  /// This process's part of the loss of the whole batch; the sum afterwards. Not finite where a step is to be skipped.
  var loss: Double
  /// Seconds of training by the clock of process 0.
  var seconds: Double
  /// Whether a process was asked to stop.
  var isStopRequested: Bool
  /// Numbers for each image: rows of this process's images, then of the whole batch.
  var figures: [[Double]]

  /// The same for all processes. Images whose figures a process did not come to have NaN.
  func summed(over group: ProcessGroup, _ share: BatchShare) throws -> StepExchange {
    let first = group.rank == 0
    var numbers = [loss, first ? seconds : 0, isStopRequested ? 1 : 0]
    for row in figures {
      var whole = [Double](repeating: 0, count: share.total)
      for (index, place) in share.range.enumerated() { whole[place] = index < row.count ? row[index] : .nan }
      numbers += whole
    }
    let sums = try group.sum(numbers)
    let rows = figures.indices.map { row in Array(sums[(3 + row * share.total)..<(3 + (row + 1) * share.total)]) }
    return StepExchange(loss: sums[0], seconds: sums[1], isStopRequested: sums[2] > 0, figures: rows)
  }
}
