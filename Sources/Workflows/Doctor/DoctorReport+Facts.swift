import Failures

extension DoctorReport {
  /// What was found, by name; a name without text continues the one before.
  /// - Parameter paths: whether places of this machine are named.
  public func facts(paths: Bool) -> [(name: String, value: String)] {
    let features = machine.features.isEmpty ? "no relevant vector extensions" : machine.features.joined(separator: " ")
    let torch = "\(libtorch.libraryVersion ?? "unknown version"), built for \(libtorch.headerVersion)"
    func at(_ path: String?) -> String { paths ? path.map { ", \($0)" } ?? "" : "" }
    return [
      ("Sfumato", "\(version), \(build) build by Swift \(swift)"),
      ("system", machine.system),
      ("processor", "\(machine.processor), \(machine.cores) cores: \(features)"),
      ("memory", Magnitude.bytes(Int(clamping: machine.memoryBytes))),
      ("libtorch", torch + at(libtorch.path)),
      ("", "kernels for \(libtorch.capability), \(libtorch.threads) threads (\(libtorch.parallelBackend))"),
      ("devices", devices.map { "\($0) in \(precisions[$0] ?? "float32")" }.joined(separator: ", ")),
      ("libvips", libvips.problem ?? (libvips.version ?? "") + at(libvips.path)),
      ("libarchive", libarchive),
      ("models", models.isEmpty ? "none bundled" : models.keys.sorted().joined(separator: ", ")),
    ]
  }
}
