// A parallel-for that uses all threads. libtorch's at::parallel_for is inline code that needs -fopenmp, and Swift's clang has no
// omp.h, so that here it would run on one thread. This one enters libtorch's OpenMP team instead.
#include "../support/ctorch_internal.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <dlfcn.h>
#include <exception>
#include <mutex>
#include <thread>

namespace {

struct Region {
  void (*body)(void *, int64_t, int64_t);
  void *context;
  int64_t count, part;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  /// Takes parts until none is left; keeps the first exception, to rethrow it on the calling thread.
  void work() {
    for (int64_t begin; (begin = next.fetch_add(part)) < count;) {
      try {
        body(context, begin, std::min(begin + part, count));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

thread_local bool inside = false;

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

void work_in_team(void *region) {
  Inside mark;
  static_cast<Region *>(region)->work();
}

using ParallelRegion = void (*)(void (*)(void *), void *, unsigned, unsigned);

/// GNU OpenMP's entry point for a parallel region, looked up in the runtime that libtorch loaded.
ParallelRegion team() {
  static const auto function = reinterpret_cast<ParallelRegion>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  return function;
}

/// For builds of libtorch with another OpenMP runtime (macOS): threads that sleep between regions.
class Pool {
 public:
  void run(Region &region, int threads) {
    std::lock_guard<std::mutex> one_region_at_a_time(entry);
    {
      std::lock_guard<std::mutex> lock(mutex);
      while (static_cast<int>(workers) < threads - 1) start();
      current = &region;
      wanted = threads - 1;
      busy = 0;
      generation++;
    }
    wake.notify_all();
    work_in_team(&region);
    std::unique_lock<std::mutex> lock(mutex);
    wanted = 0;
    done.wait(lock, [&] { return busy == 0; });
    current = nullptr;
  }

 private:
  std::mutex entry, mutex;
  std::condition_variable wake, done;
  Region *current = nullptr;
  int wanted = 0, busy = 0, workers = 0;
  uint64_t generation = 0;

  void start() {
    workers++;
    std::thread([this, seen = generation]() mutable {
      for (;;) {
        Region *region;
        {
          std::unique_lock<std::mutex> lock(mutex);
          wake.wait(lock, [&] { return generation != seen; });
          seen = generation;
          if (wanted == 0 || !current) continue;
          wanted--;
          busy++;
          region = current;
        }
        work_in_team(region);
        std::lock_guard<std::mutex> lock(mutex);
        if (--busy == 0) done.notify_all();
      }
    }).detach();
  }
};

}  // namespace

extern "C" {

const char *ct_parallel_backend(void) { return team() ? "gomp" : "pool"; }

void ct_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
  if (count <= 0) return;
  int64_t threads = inside ? 1 : at::get_num_threads();
  int64_t parts = std::min(threads, (count + std::max<int64_t>(grain, 1) - 1) / std::max<int64_t>(grain, 1));
  if (parts <= 1) return body(context, 0, count);
  Region region{body, context, count, (count + parts - 1) / parts};
  if (auto enter = team()) {
    enter(work_in_team, &region, static_cast<unsigned>(parts), 0);
  } else {
    static Pool *pool = new Pool;  // its threads outlive main, so it is never destroyed
    pool->run(region, static_cast<int>(parts));
  }
  if (region.error) std::rethrow_exception(region.error);
}

}  // extern "C"
