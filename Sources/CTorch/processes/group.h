// What the files of this folder share.
#pragma once
#include "../support/ctorch_internal.h"

#include <functional>

namespace shim::processes {

/// A sum over the processes that is under way.
struct Exchange {
  at::Tensor flat;             // on the CPU; the sum when `wait` has returned
  std::function<void()> wait;  // throws if a process is gone
};

/// Begins to sum the elements of these tensors, row after row in one exchange.
/// - rows: one axis each, of one dtype.
Exchange begin_sum(ct_group *, const std::vector<at::Tensor> &rows);

}  // namespace shim::processes
