// Sums of gradients over processes, exchanged while the backward pass computes the rest of them, as PyTorch's DistributedDataParallel does
// (Li and others 2020, "PyTorch Distributed").
#if __has_include(<gloo/algorithm.h>)
#include "group.h"

#include <mutex>

/// Parameters in pieces, the last first, for their gradients come first. A piece is sent when the backward pass has completed all of its
/// gradients, and all pieces before it are sent: every process sends the same pieces in the same order.
struct ct_sums {
  struct Piece {
    std::vector<at::Tensor> parameters;
    size_t awaited = 0;  // gradients
    shim::processes::Exchange exchange;
  };

  ct_group *const group;
  std::vector<Piece> pieces;
  size_t sent = 0;
  std::exception_ptr failure;  // of a hook, which must not end the backward pass of this process alone
  std::mutex mutex;

  ct_sums(ct_group *group, const std::vector<at::Tensor> &parameters, int64_t bucket) : group(group) {
    int64_t size = 0;
    for (auto at = parameters.rbegin(); at != parameters.rend(); at++) {
      const auto more = static_cast<int64_t>(at->nbytes());
      if (pieces.empty() || size + more > bucket || at->scalar_type() != pieces.back().parameters[0].scalar_type()) {
        pieces.emplace_back();
        size = 0;
      }
      pieces.back().parameters.push_back(*at);
      pieces.back().awaited++;
      size += more;
    }
    for (size_t place = 0; place < pieces.size(); place++)
      for (const at::Tensor &parameter : pieces[place].parameters)
        torch::autograd::impl::set_post_acc_grad_hooks(parameter, std::make_unique<Hook>(this, place));
  }

  ~ct_sums() { remove_hooks(); }

  void remove_hooks() {
    for (const Piece &piece : pieces)
      for (const at::Tensor &parameter : piece.parameters) torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
  }

  void complete(size_t place) {
    std::lock_guard<std::mutex> lock(mutex);
    if (pieces[place].awaited > 0) pieces[place].awaited--;
    try {
      while (!failure && sent < pieces.size() && pieces[sent].awaited == 0) send();
    } catch (...) {
      failure = std::current_exception();
    }
  }

  /// Sends the pieces that are left, with zeros for gradients that there are none of.
  void send_rest() {
    remove_hooks();
    std::lock_guard<std::mutex> lock(mutex);
    if (failure) std::rethrow_exception(failure);
    while (sent < pieces.size()) send();
  }

  /// Overwrites the gradients that there are.
  void finish() {
    for (Piece &piece : pieces) {
      piece.exchange.wait();
      int64_t start = 0;
      for (const at::Tensor &parameter : piece.parameters) {
        if (parameter.grad().defined())
          parameter.grad().detach().copy_(piece.exchange.flat.narrow(0, start, parameter.numel()).view(parameter.sizes()));
        start += parameter.numel();
      }
    }
  }

 private:
  struct Hook : torch::autograd::PostAccumulateGradHook {
    ct_sums *const sums;
    const size_t place;
    Hook(ct_sums *sums, size_t place) : sums(sums), place(place) {}
    void operator()(const torch::autograd::Variable &) override { sums->complete(place); }
  };

  void send() {
    Piece &piece = pieces[sent];
    std::vector<at::Tensor> rows;
    for (const at::Tensor &parameter : piece.parameters) {
      const at::Tensor &gradient = parameter.grad();
      rows.push_back(gradient.defined() ? gradient.detach().reshape({-1}) : at::zeros({parameter.numel()}, parameter.options()));
    }
    piece.exchange = shim::processes::begin_sum(group, rows);
    sent++;
  }
};

extern "C" {

ct_sums *ct_group_begin_grads(ct_group *group, ct_tensor *const *parameters, size_t n, int64_t bucket) {
  ct_sums *result = nullptr;
  shim::run([&] { result = new ct_sums(group, shim::list(parameters, n), bucket); });
  return result;
}

int ct_sums_send(ct_sums *sums) {
  return shim::run([&] { sums->send_rest(); });
}

int ct_sums_finish(ct_sums *sums) {
  return shim::run([&] { sums->finish(); });
}

void ct_sums_free(ct_sums *sums) { delete sums; }

}  // extern "C"
#endif
