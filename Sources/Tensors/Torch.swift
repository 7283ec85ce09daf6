internal import CTorch
import Foundation

/// libtorch as a whole: its version, threads and devices.
public enum Torch {
  /// The version whose headers this program was compiled with, such as "2.13.0".
  public static var headerVersion: String { String(cString: ct_header_version()) }
  /// The version of the library that is loaded; nil when it does not tell.
  public static var libraryVersion: String? {
    let version = String(cString: ct_library_version())
    return version.isEmpty ? nil : version
  }
  /// The file of the library that is loaded.
  public static var libraryPath: String { take(ct_library_path()) }
  /// What libtorch says of how it was built, several lines.
  public static var buildDescription: String { take(ct_build_description()) }
  /// The widest instruction set that its own kernels use: "AVX512", "AVX2", "DEFAULT" …
  public static var cpuCapability: String { String(cString: ct_cpu_capability()) }
  /// What the processor can do and the system lets it, of the extensions that matter for speed: "avx2", "avx512f",
  /// "avx512_bf16", "amx_bf16" on x86-64, "neon", "bf16", "sve" on Arm.
  public static var cpuFeatures: [String] { String(cString: ct_cpu_features()).split(separator: " ").map(String.init) }
  /// Whether the CPU has kernels for convolutions and matrix products in this dtype. Where it has none, as x86-64 processors without
  /// AVX-512 have none for bfloat16, they are computed in float32 and rounded, which saves memory but no time.
  public static func hasKernels(for dtype: DType) -> Bool { ct_has_kernels(dtype.code) }
  /// How kernels of ours reach every core: "gomp", libtorch's own OpenMP team, or "pool".
  public static var parallelBackend: String { String(cString: ct_parallel_backend()) }

  /// Threads that one operation uses.
  public static var threadCount: Int {
    get { Int(ct_thread_count()) }
    set { ct_set_thread_count(Int32(clamping: newValue)) }
  }

  /// Tensor handles alive in the whole process: flat when nothing leaks.
  public static var liveHandleCount: Int { Int(ct_live_count()) }

  public static var cudaDeviceCount: Int { Int(ct_cuda_device_count()) }
  public static var mpsIsAvailable: Bool { ct_mps_is_available() }

  /// Call once before anything else: loads libtorch's CUDA part when it lies beside the CPU part, and refuses a library
  /// of another version than the headers, whose results could be anything.
  public static func start() throws(TorchFault) {
    if let library = libraryVersion, library != headerVersion {
      throw TorchFault(
        operation: "start",
        message: """
          libtorch \(library) at \(libraryPath) does not fit: this program was built with the headers of \(headerVersion). \
          Point LIBTORCH to that version, or build again with ./dev build
          """)
    }
    if ct_load_cuda() < 0 {
      throw TorchFault(
        operation: "start",
        message: "libtorch_cuda lies beside \(libraryPath), but does not load; is a library of CUDA missing?")
    }
  }

  /// Has libtorch's threads sleep, not spin, while they wait, so that beside other work a program slows down in proportion
  /// and not twentyfold. Call it first thing in `main`; the command `sfumato` needs no call.
  ///
  /// The choice is read when the library is loaded, which is before `main`: so where `OMP_WAIT_POLICY` is not set, this
  /// sets it and starts the program once more in its own place, with the same arguments. A user's own choice stands.
  public static func waitPassively() {
    guard getenv("OMP_WAIT_POLICY") == nil, let program = Bundle.main.executablePath else { return }
    setenv("OMP_WAIT_POLICY", "PASSIVE", 1)
    execv(program, CommandLine.unsafeArgv)
    // Where that is not allowed the program goes on as it was.
  }

  /// Runs `body(begin, end)` over parts of `0..<count`, at least `grain` long, on every thread that libtorch uses.
  public static func parallelFor(_ count: Int, grain: Int = 1, _ body: @escaping @Sendable (Int, Int) -> Void) {
    final class Box { let body: @Sendable (Int, Int) -> Void; init(_ body: @escaping @Sendable (Int, Int) -> Void) { self.body = body } }
    let box = Box(body)
    withExtendedLifetime(box) {
      ct_parallel_for(
        Int64(count), Int64(grain),
        { context, begin, end in
          Unmanaged<Box>.fromOpaque(context!).takeUnretainedValue().body(Int(begin), Int(end))
        }, Unmanaged.passUnretained(box).toOpaque())
    }
  }

  private static func take(_ text: UnsafeMutablePointer<CChar>?) -> String {
    defer { free(text) }
    return text.map { String(cString: $0) } ?? ""
  }
}
