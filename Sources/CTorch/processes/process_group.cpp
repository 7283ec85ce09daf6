// Several processes that compute together, by libtorch's own c10d: a store through which they meet (TCPStore) and collective
// operations over TCP (ProcessGroupGloo). libtorch ships no headers of gloo; those of a distribution declare the few types that
// c10d's header names, and nothing else of them is used.
#include "../support/ctorch_internal.h"

#include <stdexcept>

#if __has_include(<gloo/algorithm.h>)
#include "group.h"
#include "pulse.h"

#include <cstring>
#include <netdb.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace shim::processes;

/// The address of this machine on the way to the store, by which the other processes reach it: that of the socket which the system
/// would send from. Nothing is sent.
std::string own_address(const std::string &host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host.c_str(), "9", &hints, &found) != 0 || !found) throw std::runtime_error("the host " + host + " is not known");
  std::string address;
  for (addrinfo *place = found; place && address.empty(); place = place->ai_next) {
    int descriptor = socket(place->ai_family, SOCK_DGRAM, 0);
    if (descriptor < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST];
    auto *generic = reinterpret_cast<sockaddr *>(&own);
    if (connect(descriptor, place->ai_addr, place->ai_addrlen) == 0 && getsockname(descriptor, generic, &length) == 0 &&
        getnameinfo(generic, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      address = text;
    close(descriptor);
  }
  freeaddrinfo(found);
  if (address.empty()) throw std::runtime_error("this machine has no address on the way to " + host);
  return address;
}

c10::intrusive_ptr<c10d::TCPStore> open_store(const std::string &host, int port, bool serves, Milliseconds timeout) {
  // What fails here is reported by the caller; c10d would print a page of stack frames for it.
  if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = timeout;
  return c10::make_intrusive<c10d::TCPStore>(host, options);
}

}  // namespace

struct ct_store {
  c10::intrusive_ptr<c10d::TCPStore> store;
};

struct ct_group {
  int rank, size;
  std::string host;
  shim::processes::Milliseconds timeout;
  c10::intrusive_ptr<c10d::TCPStore> server;
  shim::processes::Store store;
  std::shared_ptr<shim::processes::Pulse> pulse;
  std::thread thread;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;

  ~ct_group() {
    if (!thread.joinable()) return;
    if (pulse->stop()) {
      thread.join();
    } else {
      thread.detach();
    }
  }

  c10d::ProcessGroupGloo &exchange() {
    if (!gloo) throw std::logic_error("the processes are not connected");
    pulse->begin_exchange();
    return *gloo;
  }
};

namespace shim::processes {

Exchange begin_sum(ct_group *group, const std::vector<at::Tensor> &rows) {
  std::vector<at::Tensor> flat{at::cat(rows).to(at::kCPU)};
  auto work = group->exchange().allreduce(flat);
  return {flat[0], [work] { work->wait(); }};
}

}  // namespace shim::processes

namespace {

/// Sums tensors over the processes, in place. Each bucket is one exchange of a flat copy; while one is under way the next is copied.
void sum_in_buckets(ct_group *group, const std::vector<at::Tensor> &tensors, int64_t bucket) {
  struct Part {
    std::vector<at::Tensor> members;
    Exchange exchange;
  };
  std::vector<Part> parts;
  auto send = [&](std::vector<at::Tensor> members) {
    std::vector<at::Tensor> rows;
    for (auto &member : members) rows.push_back(member.detach().reshape({-1}));
    parts.push_back({std::move(members), begin_sum(group, rows)});
  };
  std::vector<at::Tensor> members;
  int64_t size = 0;
  for (auto &tensor : tensors) {
    int64_t more = static_cast<int64_t>(tensor.nbytes());
    if (!members.empty() && (size + more > bucket || tensor.scalar_type() != members[0].scalar_type())) {
      send(std::move(members));
      members = {};
      size = 0;
    }
    members.push_back(tensor);
    size += more;
  }
  if (!members.empty()) send(std::move(members));
  for (auto &part : parts) {
    part.exchange.wait();
    int64_t start = 0;
    for (auto &member : part.members) {
      auto target = member.detach();
      target.copy_(part.exchange.flat.narrow(0, start, member.numel()).view(member.sizes()));
      start += member.numel();
    }
  }
}

void broadcast(ct_group *group, const at::Tensor &tensor, int root) {
  auto &gloo = group->exchange();
  std::vector<at::Tensor> flat{tensor.detach().to(at::kCPU).contiguous()};
  if (flat[0].numel() == 0) return;
  c10d::BroadcastOptions options;
  options.rootRank = root;
  gloo.broadcast(flat, options)->wait();
  auto target = tensor.detach();
  if (group->rank != root && !target.is_same(flat[0])) target.copy_(flat[0]);
}

}  // namespace

extern "C" {

bool ct_has_process_groups(void) { return true; }

ct_store *ct_store_serve(const char *host, int port) {
  ct_store *result = nullptr;
  shim::run([&] { result = new ct_store{open_store(host, port, true, milliseconds(30))}; });
  return result;
}

int ct_store_port(const ct_store *store) { return store->store->getPort(); }

void ct_store_free(ct_store *store) { delete store; }

ct_group *ct_group_meet(const char *host, int port, const char *prefix, int rank, int size, bool serves, double timeout) {
  ct_group *result = nullptr;
  shim::run([&] {
    auto group = std::make_unique<ct_group>();
    group->rank = rank;
    group->size = size;
    group->host = host;
    group->timeout = milliseconds(timeout);
    if (serves) group->server = open_store(host, port, true, group->timeout);
    group->store = c10::make_intrusive<c10d::PrefixStore>(prefix, open_store(host, port, false, group->timeout));
    Store second = c10::make_intrusive<c10d::PrefixStore>(prefix, open_store(host, port, false, group->timeout));
    group->pulse = std::make_shared<Pulse>(std::move(second), rank, size);
    result = group.release();
  });
  return result;
}

int ct_group_has_met(ct_group *group, int rank, bool *out) {
  return shim::run([&] { *out = group->store->check({key(rank)}); });
}

int ct_group_connect(ct_group *group) {
  return shim::run([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(group->timeout);
    const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(interface && *interface
                                   ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                   : c10d::ProcessGroupGloo::createDeviceForHostname(own_address(group->host)));
    group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(group->store, group->rank, group->size, options);
    group->thread = std::thread([pulse = group->pulse] { pulse->run(); });
  });
}

int64_t ct_group_rounds(const ct_group *group) { return group->pulse->rounds(); }

ct_sign ct_group_sign(const ct_group *group, int rank) {
  Sign sign = group->pulse->sign(rank);
  return {sign.beats, sign.exchanges, sign.failure.empty() ? nullptr : strdup(sign.failure.c_str())};
}

void ct_group_fail(ct_group *group, const char *why) {
  if (group->thread.joinable()) group->pulse->fail(why);
}

int ct_group_sum(ct_group *group, ct_tensor *const *tensors, size_t n, int64_t bucket) {
  return shim::run([&] { sum_in_buckets(group, shim::list(tensors, n), bucket); });
}

int ct_group_broadcast(ct_group *group, const ct_tensor *tensor, int root) {
  return shim::run([&] { broadcast(group, tensor->t, root); });
}

int ct_group_barrier(ct_group *group) {
  return shim::run([&] { group->exchange().barrier()->wait(); });
}

void ct_group_free(ct_group *group) { delete group; }

}  // extern "C"

#else

namespace {
template <class Result> Result unsupported(Result result) {
  shim::run([] { throw std::runtime_error("this program was built without the headers of gloo (Debian's libgloo-dev)"); });
  return result;
}
}  // namespace

extern "C" {

bool ct_has_process_groups(void) { return false; }
ct_store *ct_store_serve(const char *, int) { return unsupported<ct_store *>(nullptr); }
int ct_store_port(const ct_store *) { return 0; }
void ct_store_free(ct_store *) {}
ct_group *ct_group_meet(const char *, int, const char *, int, int, bool, double) { return unsupported<ct_group *>(nullptr); }
int ct_group_has_met(ct_group *, int, bool *) { return unsupported(-1); }
int ct_group_connect(ct_group *) { return unsupported(-1); }
int64_t ct_group_rounds(const ct_group *) { return -1; }
ct_sign ct_group_sign(const ct_group *, int) { return {}; }
void ct_group_fail(ct_group *, const char *) {}
int ct_group_sum(ct_group *, ct_tensor *const *, size_t, int64_t) { return unsupported(-1); }
ct_sums *ct_group_begin_grads(ct_group *, ct_tensor *const *, size_t, int64_t) { return unsupported<ct_sums *>(nullptr); }
int ct_sums_send(ct_sums *) { return unsupported(-1); }
int ct_sums_finish(ct_sums *) { return unsupported(-1); }
void ct_sums_free(ct_sums *) {}
int ct_group_broadcast(ct_group *, const ct_tensor *, int) { return unsupported(-1); }
int ct_group_barrier(ct_group *) { return unsupported(-1); }
void ct_group_free(ct_group *) {}

}  // extern "C"

#endif
