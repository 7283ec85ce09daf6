internal import CTorch
import Foundation

/// libtorch as a whole: its version, threads and devices.
public enum Torch {
  /// The version of the headers that this program was compiled with, such as "2.13.0".
  public static var headerVersion: String { String(cString: ct_header_version()) }
  /// The version of the loaded library; nil if it does not report one.
  public static var libraryVersion: String? {
    let version = String(cString: ct_library_version())
    return version.isEmpty ? nil : version
  }
  /// The path of the loaded library.
  public static var libraryPath: String { take(ct_library_path()) }
  /// libtorch's description of its build, several lines.
  public static var buildDescription: String { take(ct_build_description()) }
  /// The widest instruction set that libtorch's own kernels use: "AVX512", "AVX2", "DEFAULT" …
  public static var cpuCapability: String { String(cString: ct_cpu_capability()) }
  /// The extensions relevant for speed that the processor and the operating system support: "avx2", "avx512f", "avx512_bf16",
  /// "amx_bf16" on x86-64, "neon", "bf16", "sve" on Arm.
  public static var cpuFeatures: [String] { String(cString: ct_cpu_features()).split(separator: " ").map(String.init) }
  /// Whether the CPU has kernels for convolutions and matrix products in this dtype. If not (bfloat16 on x86-64 processors without
  /// AVX-512, for example), they are computed in float32 and rounded, which saves memory but no time.
  public static func hasKernels(for dtype: DType) -> Bool { ct_has_kernels(dtype.code) }
  /// How this package's own kernels use all cores: "gomp", libtorch's OpenMP team, or "pool".
  public static var parallelBackend: String { String(cString: ct_parallel_backend()) }

  /// The number of threads that one operation uses.
  public static var threadCount: Int {
    get { Int(ct_thread_count()) }
    set { ct_set_thread_count(Int32(clamping: newValue)) }
  }

  /// Whether all convolutions of this process are libtorch's own. Otherwise, the default, 3 x 3 convolutions in float32 on the CPU are
  /// computed by Winograd's algorithm where a fixed rule on instruction set and shape says that this is faster: with about twice the
  /// rounding error, 1e-6 of the result, and bytes that depend neither on the number of threads nor, forward, on the rest of the batch.
  public static var exactConvolutions: Bool {
    get { ct_exact_convolutions() }
    set { ct_set_exact_convolutions(newValue) }
  }

  /// The number of live tensor handles in the process; constant if nothing leaks.
  public static var liveHandleCount: Int { Int(ct_live_count()) }

  public static var cudaDeviceCount: Int { Int(ct_cuda_device_count()) }
  public static var mpsIsAvailable: Bool { ct_mps_is_available() }

  /// Call once before anything else: loads libtorch_cuda if it is beside libtorch_cpu, uses no more threads than the process's control
  /// groups allow (unless `OMP_NUM_THREADS` says how many), and rejects a library whose version differs from the headers', with which
  /// results would be undefined.
  public static func start() throws(TorchFault) {
    _ = quotaRespected
    if let library = libraryVersion, library != headerVersion {
      throw TorchFault(
        operation: "start",
        message: """
          libtorch \(library) at \(libraryPath) does not match: this program was built with the headers of \(headerVersion). \
          Point LIBTORCH to that version, or build again with ./dev build
          """)
    }
    if ct_load_cuda() < 0 {
      throw TorchFault(
        operation: "start",
        message: "libtorch_cuda beside \(libraryPath) does not load; check that CUDA's libraries are installed")
    }
  }

  /// Done once, so that a number of threads set later stays.
  private static let quotaRespected: Void = {
    guard getenv("OMP_NUM_THREADS") == nil, let most = ProcessorQuota.threads(), most < threadCount else { return }
    threadCount = most
  }()

  /// Lets the C library keep freed memory, up to 1 GiB, for later tensors. Without it, glibc returns the memory of every large tensor to the
  /// system, which fills the next one with zeros again: a tenth of the time of sampling small images. For programs whose main work is
  /// with tensors; the `sfumato` command calls it.
  public static func keepFreedMemory() { ct_keep_freed_memory() }

  /// Makes libtorch's threads sleep after some microseconds of waiting instead of spinning on, so that beside other work a program slows
  /// down in proportion and not twentyfold. Call it first in `main`; the `sfumato` command does not need it.
  ///
  /// libtorch reads the setting when it is loaded, which is before `main`: so unless `OMP_WAIT_POLICY` is set already, this sets it
  /// and re-executes the program with the same arguments.
  public static func waitPassively() {
    guard getenv("OMP_WAIT_POLICY") == nil, let program = Bundle.main.executablePath else { return }
    setenv("OMP_WAIT_POLICY", "PASSIVE", 1)
    setenv("GOMP_SPINCOUNT", "1000", 0)
    execv(program, CommandLine.unsafeArgv)
    // If that is not permitted, the program continues unchanged.
  }

  /// Runs `body(begin, end)` over parts of `0..<count` of at least `grain`, on all of libtorch's threads.
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
