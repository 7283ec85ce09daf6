import Foundation
/// One dedicated thread; an actor that adopts it runs every job there.
public final class TorchThread: SerialExecutor, @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [UnownedJob] = []
  private var thread: Thread?
  public init(name: String) {
    let t = Thread { [self] in
      while true {
        condition.lock()
        while jobs.isEmpty { condition.wait() }
        let batch = jobs; jobs = []
        condition.unlock()
        for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
      }
    }
    t.name = name; t.stackSize = 16 << 20; thread = t; t.start()
  }
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.withLock {
      jobs.append(job); condition.signal()
    }
  }
  public func checkIsolated() { precondition(Thread.current === thread) }
}
