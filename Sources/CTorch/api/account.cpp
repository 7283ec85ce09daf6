// Counts the memory that tensors on the meta device would take: their storages are counted as they are created and released.
#include "../support/ctorch_internal.h"

#include <atomic>
#include <memory>

namespace {

struct Sum {
  std::atomic<int64_t> live{0}, peak{0};

  void add(int64_t bytes) {
    const int64_t now = live += bytes;
    for (int64_t seen = peak; seen < now && !peak.compare_exchange_weak(seen, now);) {}
  }
  void restart() { peak = live.load(); }
};

struct Book {
  const int64_t limit;
  Sum all, small;

  void add(int64_t bytes) {
    all.add(bytes);
    if (bytes < limit) small.add(bytes);
  }
  void strike(int64_t bytes) {
    all.live -= bytes;
    if (bytes < limit) small.live -= bytes;
  }
};

/// A storage, which may outlive the account and be released on any thread.
struct Entry {
  std::shared_ptr<Book> book;
  int64_t bytes;
};

}  // namespace

struct ct_account {
  std::shared_ptr<Book> book;
};

namespace {

thread_local const ct_account *current = nullptr;

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (!current || bytes == 0) return {nullptr, nullptr, &strike, at::Device(at::kMeta)};
    auto *entry = new Entry{current->book, static_cast<int64_t>(bytes)};
    entry->book->add(entry->bytes);
    return {nullptr, entry, &strike, at::Device(at::kMeta)};
  }
  void copy_data(void *, const void *, size_t) const override {}

 private:
  static void strike(void *context) {
    std::unique_ptr<Entry> entry(static_cast<Entry *>(context));
    if (entry) entry->book->strike(entry->bytes);
  }
};

CountingAllocator allocator;
// libtorch's own allocator for meta, of priority 0, returns storages without memory just as this one does.
const bool is_installed = (c10::SetAllocator(at::kMeta, &allocator, 1), true);

}  // namespace

extern "C" {

ct_account *ct_account_new(int64_t small) { return new ct_account{std::shared_ptr<Book>(new Book{small})}; }
void ct_account_free(ct_account *account) { delete account; }

const ct_account *ct_account_use(const ct_account *account) { return std::exchange(current, account); }

static ct_memory memory(const Sum &sum) { return {sum.live, sum.peak}; }
ct_memory ct_account_memory(const ct_account *account) { return memory(account->book->all); }
ct_memory ct_account_small_memory(const ct_account *account) { return memory(account->book->small); }

void ct_account_restart_peaks(ct_account *account) {
  account->book->all.restart();
  account->book->small.restart();
}

}  // extern "C"
