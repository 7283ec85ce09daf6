// The signs of life of the processes of a group.
#pragma once
#include "../support/ctorch_internal.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>

namespace shim::processes {

using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;

inline Milliseconds milliseconds(double seconds) { return Milliseconds(static_cast<int64_t>(seconds * 1000)); }

inline std::string key(int rank) { return "pulse/" + std::to_string(rank); }
inline std::vector<uint8_t> bytes(const std::string &text) { return {text.begin(), text.end()}; }

/// What a process says of itself: how often it has said so, how many exchanges it has begun, and why it failed if it did.
struct Sign {
  int64_t beats = 0, exchanges = 0;
  std::string failure;

  std::string text() const { return std::to_string(beats) + " " + std::to_string(exchanges) + " " + failure; }
  static Sign of(const std::vector<uint8_t> &bytes) {
    std::string text(bytes.begin(), bytes.end());
    char *rest = text.data();
    Sign sign;
    sign.beats = std::strtoll(rest, &rest, 10);
    sign.exchanges = std::strtoll(rest, &rest, 10);
    if (*rest == ' ') sign.failure = rest + 1;
    return sign;
  }
};

/// A thread that writes this process's sign into the store twice a second and reads those of the others, so that the one that died or
/// hangs can be named. It alone waits for the store, whose machine may be the one that hangs.
class Pulse {
 public:
  Pulse(Store store, int rank, int size) : store_(std::move(store)), rank_(rank), signs_(size) { store_->set(key(rank_), bytes(own_.text())); }

  void run() {
    try {
      while (beat()) {
      }
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      lost_ = true;
    }
    changed_.notify_all();
  }

  void begin_exchange() {
    std::lock_guard<std::mutex> lock(mutex_);
    own_.exchanges++;
  }

  void fail(const std::string &why) {
    std::unique_lock<std::mutex> lock(mutex_);
    own_.failure = why;
    int64_t before = rounds_;
    hurry_ = true;
    changed_.notify_all();
    // The round under way may have been begun without it.
    changed_.wait_for(lock, std::chrono::seconds(2), [&] { return lost_ || rounds_ >= before + 2; });
  }

  /// False if the thread waits for the store and may do so for ever.
  bool stop() {
    std::unique_lock<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::seconds(2), [&] { return ended_ || lost_; });
  }

  Sign sign(int rank) {
    std::lock_guard<std::mutex> lock(mutex_);
    return rank == rank_ ? own_ : signs_[rank];
  }

  int64_t rounds() {
    std::lock_guard<std::mutex> lock(mutex_);
    return lost_ ? -1 : rounds_;
  }

 private:
  bool beat() {
    std::string text;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait_for(lock, Milliseconds(500), [&] { return stopped_ || hurry_; });
      hurry_ = false;
      if (stopped_) {
        ended_ = true;
        return false;
      }
      own_.beats++;
      text = own_.text();
    }
    store_->set(key(rank_), bytes(text));
    std::vector<Sign> signs;
    for (int rank = 0; rank < static_cast<int>(signs_.size()); rank++) signs.push_back(Sign::of(store_->get(key(rank))));
    std::lock_guard<std::mutex> lock(mutex_);
    signs_ = std::move(signs);
    rounds_++;
    if (!own_.failure.empty() && text.find(own_.failure) == std::string::npos) hurry_ = true;
    changed_.notify_all();
    return true;
  }

  Store store_;
  int rank_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false, ended_ = false, lost_ = false, hurry_ = false;
  int64_t rounds_ = 0;
  Sign own_;
  std::vector<Sign> signs_;
};

}  // namespace shim::processes
