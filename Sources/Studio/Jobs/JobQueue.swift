import Failures
import Foundation
import Synchronization
import Workflows

/// Jobs in their order. One at a time computes, on a thread of its own; the others wait.
final class JobQueue: Sendable {
  typealias Maker = @Sendable (JobRecord) throws -> any JobWork

  private struct State {
    var jobs: [String: JobView] = [:]
    var subscribers: [String: [UUID: AsyncStream<String>.Continuation]] = [:]
    var turn = 0
    var events = 0
    var isStopping = false, isIdle = true
  }

  private let folder: DataFolder
  private let make: Maker
  private let state: Mutex<State>
  private let wake = DispatchSemaphore(value: 0)
  /// Signalled when the thread has ended.
  private let ended = DispatchSemaphore(value: 0)

  private static let progressEvery = 0.25, previewEvery = 1.0, savedEvery = 10.0

  /// Reads the jobs of earlier sessions: those that were running were interrupted, those that were waiting wait on.
  init(_ folder: DataFolder, make: @escaping Maker) {
    (self.folder, self.make) = (folder, make)
    var known = State()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/jobs")) ?? []
    for name in names.filter(Identifier.isOne) {
      guard var record = DataFolder.read(JobRecord.self, "\(folder.path)/jobs/\(name)/job.json"), record.id == name else { continue }
      if record.state == .running {
        (record.state, record.ended) = (.interrupted, Date())
        try? Self.save(record, in: folder)
      }
      known.jobs[name] = JobView(record: record)
      known.turn = max(known.turn, record.turn)
    }
    state = Mutex(known)
    let thread = Thread { [self] in work() }
    thread.name = "studio jobs"
    // libtorch's operations and the recursion of formats need more than the 512 KiB of a secondary thread.
    thread.stackSize = 16 << 20
    thread.start()
    for job in known.jobs.values where job.record.state == .waiting { _ = (job, wake.signal()) }
  }

  private static func save(_ record: JobRecord, in folder: DataFolder) throws {
    try DataFolder.write(record, to: "\(folder.folder("jobs", record.id))/job.json")
  }

  func folder(of id: String) -> String { folder.folder("jobs", id) }
  func results(of id: String) -> String { "\(folder(of: id))/results" }

  // MARK: Asking

  private static func waiting(_ state: State) -> [JobView] {
    state.jobs.values.filter { $0.record.state == .waiting }.sorted { $0.record.turn < $1.record.turn }
  }

  private static func json(_ job: JobView, _ state: State) -> JSON {
    let place = job.record.state == .waiting ? waiting(state).firstIndex { $0.record.id == job.record.id }.map { $0 + 1 } : nil
    return job.json(place: place)
  }

  /// Newest first.
  func list() -> [JSON] {
    state.withLock { state in
      state.jobs.values.sorted { ($0.record.created, $0.record.turn) > ($1.record.created, $1.record.turn) }.map { Self.json($0, state) }
    }
  }

  /// - Throws: `Problem` 404.
  func json(_ id: String) throws -> JSON {
    try state.withLock { state in Self.json(try Self.job(id, state), state) }
  }

  func view(_ id: String) throws -> JobView { try state.withLock { try Self.job(id, $0) } }

  private static func job(_ id: String, _ state: State) throws -> JobView {
    guard let job = state.jobs[id] else { throw Problem(404, "there is no job '\(id.prefix(40))'") }
    return job
  }

  var counts: (running: Int, waiting: Int) {
    state.withLock { state in
      (state.jobs.values.count { $0.record.state == .running }, state.jobs.values.count { $0.record.state == .waiting })
    }
  }

  /// Whether a job that is not over yet satisfies a condition.
  func hasUnfinished(where condition: (JobRecord) -> Bool) -> Bool {
    state.withLock { $0.jobs.values.contains { !$0.record.state.isEnd && condition($0.record) } }
  }

  /// A result's file and type; only names that the job lists lead to files.
  func result(_ name: String, of id: String) throws -> (path: String, type: String) {
    let job = try view(id)
    guard let result = job.record.results.first(where: { $0.name == name && $0.url == nil }) else {
      throw Problem(404, "the job has no result '\(name.prefix(60))'")
    }
    return ("\(results(of: id))/\(result.name)", result.type)
  }

  // MARK: Changing

  /// - Throws: `Problem` 429 where too many wait, 507 where there are too many.
  func submit(kind: String, settings: JSON, run: String?) throws -> JSON {
    let id = Identifier.make()
    let record = try state.withLock { state in
      try Self.checkRoom(state)
      guard state.jobs.count < Limits.jobsKept else {
        throw Problem(507, "there are \(Limits.jobsKept) jobs", hint: "remove finished ones")
      }
      state.turn += 1
      return JobRecord(id: id, kind: kind, settings: settings, created: Date(), turn: state.turn, run: run ?? (kind == "train" ? id : nil))
    }
    if let problem = results(of: id).makeFolder() { throw Problem(507, "the job's folder cannot be made: \(problem)") }
    try Self.save(record, in: folder)
    let json = state.withLock { state in
      state.jobs[id] = JobView(record: record)
      return Self.json(JobView(record: record), state)
    }
    wake.signal()
    return json
  }

  private static func checkRoom(_ state: State) throws {
    guard !state.isStopping else { throw Problem(503, "the studio is stopping") }
    guard waiting(state).count < Limits.jobsWaiting else {
      throw Problem(429, "\(Limits.jobsWaiting) jobs are waiting", hint: "cancel some, or wait", retryAfter: 30)
    }
  }

  /// A running job stops between two steps.
  func cancel(_ id: String) throws -> JSON {
    try change(id) { job in
      switch job.record.state {
      case .waiting: (job.record.state, job.record.ended) = (.cancelled, Date())
      case .running: job.isCancelled = true
      default: throw Problem(409, "the job is \(job.record.state.rawValue) already")
      }
    }
    return try json(id)
  }

  func resume(_ id: String) throws -> JSON {
    try state.withLock { try Self.checkRoom($0) }
    let turn = state.withLock { state in
      state.turn += 1
      return state.turn
    }
    try change(id) { job in
      guard job.record.canResume else {
        throw Problem(409, "the job is \(job.record.state.rawValue); only interrupted or cancelled trainings and restorations are resumed")
      }
      (job.record.state, job.record.ended, job.record.failure, job.isCancelled) = (.waiting, nil, nil, false)
      job.record.turn = turn
    }
    wake.signal()
    return try json(id)
  }

  func remove(_ id: String) throws {
    let streams = try state.withLock { state in
      let job = try Self.job(id, state)
      guard job.record.state.isEnd else { throw Problem(409, "the job is \(job.record.state.rawValue)", hint: "cancel it first") }
      state.jobs[id] = nil
      return state.subscribers.removeValue(forKey: id)?.values.map { $0 } ?? []
    }
    // The end of a stream takes the lock.
    for stream in streams { stream.finish() }
    try? FileManager.default.removeItem(atPath: folder(of: id))
    folder.changed()
  }

  /// Changes a job, keeps the change on disk, and tells who listens.
  private func change(_ id: String, _ change: (inout JobView) throws -> Void) throws {
    let record = try state.withLock { state in
      var job = try Self.job(id, state)
      try change(&job)
      state.jobs[id] = job
      return job.record
    }
    try Self.save(record, in: folder)
    tell(id, "state", isEnd: record.state.isEnd) { $0.text }
  }

  // MARK: Events

  /// The events of a job from now on, the present state first; they end with the job.
  func events(of id: String, onEnd: @escaping @Sendable () -> Void) throws -> AsyncStream<String> {
    _ = try view(id)
    let key = UUID()
    let (stream, continuation) = AsyncStream<String>.makeStream(bufferingPolicy: .bufferingNewest(64))
    continuation.onTermination = { [weak self] _ in
      onEnd()
      self?.state.withLock { state in
        state.subscribers[id]?[key] = nil
        if state.subscribers[id]?.isEmpty ?? false { state.subscribers[id] = nil }
      }
    }
    let isEnd = state.withLock { state in
      guard let job = state.jobs[id] else { return true }
      continuation.yield(ServerEvent.text("state", Self.json(job, state).text, id: state.events))
      if let url = job.currentPreview { continuation.yield(ServerEvent.text("preview", JSON.members(["url": .string(url)]).text)) }
      if !job.record.state.isEnd { state.subscribers[id, default: [:]][key] = continuation }
      return job.record.state.isEnd
    }
    // The end of a stream takes the lock.
    if isEnd { continuation.finish() }
    return stream
  }

  /// Keeps streams open, and finds out that clients are gone.
  func heartbeat() {
    state.withLock { state in
      for subscriber in state.subscribers.values.flatMap(\.values) { subscriber.yield(ServerEvent.heartbeat) }
    }
  }

  private func tell(_ id: String, _ name: String, isEnd: Bool = false, _ text: (JSON) -> String) {
    let ended = state.withLock { state -> [AsyncStream<String>.Continuation] in
      guard let job = state.jobs[id], let subscribers = state.subscribers[id], !subscribers.isEmpty else { return [] }
      state.events += 1
      let event = ServerEvent.text(name, text(name == "state" ? Self.json(job, state) : job.progress), id: state.events)
      for subscriber in subscribers.values { subscriber.yield(event) }
      guard isEnd else { return [] }
      state.subscribers[id] = nil
      return Array(subscribers.values)
    }
    for subscriber in ended { subscriber.finish() }
  }

  // MARK: Computing

  /// Stops after the step that is computed, saves, and waits for that.
  func stop() {
    state.withLock { $0.isStopping = true }
    wake.signal()
    _ = ended.wait(timeout: .now() + 120)
    let streams = state.withLock { state in
      defer { state.subscribers = [:] }
      return state.subscribers.values.flatMap(\.values)
    }
    for stream in streams { stream.finish() }
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  private func work() {
    defer { ended.signal() }
    while true {
      wake.wait()
      guard !isStopping else { return }
      guard let id = state.withLock({ Self.waiting($0).first?.record.id }) else { continue }
      autoreleasing { run(id) }
    }
  }

  private func autoreleasing(_ body: () -> Void) {
    #if canImport(Darwin)
      autoreleasepool(invoking: body)
    #else
      body()
    #endif
  }

  private func run(_ id: String) {
    do {
      try change(id) { job in
        guard job.record.state == .waiting else { throw Problem(409, "not waiting") }
        (job.record.state, job.record.started, job.record.ended) = (.running, Date(), nil)
        job.record.failure = nil
      }
    } catch { return }
    tellWaiting()
    let outcome: (JobRecord.State, [JobResult], JobRecord.Failure?)
    do {
      let work = try make(view(id).record)
      outcome = try pull(work, id) ? (.finished, work.finish(), nil) : (isStopping ? .interrupted : .cancelled, [], nil)
    } catch is CancellationError {
      outcome = (.interrupted, [], nil)
    } catch Failure.interrupted {
      outcome = (.interrupted, [], nil)
    } catch {
      let problem = Problem(error)
      outcome = (.failed, [], JobRecord.Failure(status: problem.status, detail: problem.detail, hint: problem.hint))
    }
    folder.changed()
    try? change(id) { job in
      (job.record.state, job.record.ended, job.secondsLeft, job.rate) = (outcome.0, Date(), nil, nil)
      job.record.failure = outcome.2
      if outcome.0 == .finished { (job.record.share, job.record.results) = (1, outcome.1) }
      // What was previewed is among the results.
      if job.record.state.isEnd, outcome.0 == .finished { (job.preview, job.previewURL) = (nil, nil) }
    }
    tellWaiting()
  }

  /// Those that wait have other places now.
  private func tellWaiting() {
    for id in state.withLock({ state in Self.waiting(state).map(\.record.id) }) { tell(id, "state") { $0.text } }
  }

  /// - Returns: whether the work is done; false where it was stopped.
  private func pull(_ work: any JobWork, _ id: String) throws -> Bool {
    var left = TimeLeft(), told = -Double.infinity, shown = -Double.infinity, saved = ReadinessPool.now
    let start = ReadinessPool.now
    while true {
      guard !isStopping, try !view(id).isCancelled else {
        try work.stop()
        return false
      }
      guard let share = try work.next() else { return true }
      let now = ReadinessPool.now, seconds = left.seconds(at: share, now: now - start)
      update(id, work, share, seconds)
      if now - told >= Self.progressEvery {
        told = now
        tell(id, "progress") { $0.text }
      }
      for line in work.takeLog() { tell(id, "log") { _ in line } }
      if let results = try work.takeResults() { try change(id) { $0.record.results = results } }
      if now - shown >= Self.previewEvery {
        shown = now
        try preview(id, work)
      }
      if now - saved >= Self.savedEvery {
        saved = now
        try Self.save(view(id).record, in: folder)
      }
    }
  }

  private func update(_ id: String, _ work: any JobWork, _ share: Double, _ secondsLeft: Double?) {
    let (message, rate) = (work.message, work.rate)
    state.withLock { state in
      state.jobs[id]?.record.share = min(max(share, 0), 1)
      state.jobs[id]?.record.message = message
      state.jobs[id]?.secondsLeft = secondsLeft
      state.jobs[id]?.rate = rate
    }
  }

  private func preview(_ id: String, _ work: any JobWork) throws {
    let url: String?
    if let bytes = try work.preview() {
      url = state.withLock { state in
        state.jobs[id]?.preview = Data(bytes)
        state.jobs[id]?.previews += 1
        return state.jobs[id]?.currentPreview
      }
    } else if let written = work.previewURL, try view(id).previewURL != written {
      state.withLock { $0.jobs[id]?.previewURL = written }
      url = written
    } else {
      url = nil
    }
    if let url { tell(id, "preview") { _ in JSON.members(["url": .string(url)]).text } }
  }
}
