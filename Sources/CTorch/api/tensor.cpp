// Handles, and how tensors are made.
#include "ctorch_internal.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/MapAllocator.h>

#include <cstring>
#include <memory>

using shim::options;
using shim::sizes;

namespace {

at::Generator make_generator(uint64_t seed, ct_device where) {
  if (where.type == CT_CPU || where.type == CT_META) return at::detail::createCPUGenerator(seed);
  // An accelerator's generators come from its own library, loaded at start.
  at::Generator generator = at::globalContext().getAcceleratorHooksInterface(shim::device(where).type()).getNewGenerator(where.index);
  generator.set_current_seed(seed);
  return generator;
}

/// Holds the number of bytes given against what the shape needs, before any memory is asked for.
void check_size(at::IntArrayRef shape, ct_dtype dtype, size_t count) {
  uint64_t needed = c10::elementSize(shim::scalar_type(dtype));
  for (int64_t size : shape) {
    TORCH_CHECK(size >= 0, "a size of ", size, " in ", shape);
    TORCH_CHECK(!__builtin_mul_overflow(needed, static_cast<uint64_t>(size), &needed), "no memory holds ", shape);
  }
  TORCH_CHECK(needed == count, "the shape ", shape, " needs ", needed, " bytes, given were ", count);
}

}  // namespace

extern "C" {

ct_tensor *ct_alias(const ct_tensor *t) {
  return shim::tensor([&] { return t->t; });
}

size_t ct_dim(const ct_tensor *t) { return static_cast<size_t>(t->t.dim()); }
int64_t ct_size(const ct_tensor *t, size_t axis) { return t->t.sizes()[axis]; }
int64_t ct_stride(const ct_tensor *t, size_t axis) { return t->t.strides()[axis]; }
int64_t ct_numel(const ct_tensor *t) { return t->t.numel(); }
bool ct_requires_grad(const ct_tensor *t) { return t->t.requires_grad(); }

ct_dtype ct_dtype_of(const ct_tensor *t) { return shim::dtype_of(t->t.scalar_type()); }

ct_device ct_device_of(const ct_tensor *t) {
  auto device = t->t.device();
  int index = device.has_index() ? device.index() : 0;
  if (device.is_cuda()) return {CT_CUDA, index};
  if (device.is_mps()) return {CT_MPS, 0};
  if (device.is_meta()) return {CT_META, 0};
  return {CT_CPU, 0};
}

bool ct_is_contiguous(const ct_tensor *t, ct_format format) {
  return t->t.is_contiguous(format == CT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

int ct_item(const ct_tensor *t, double *out) {
  return shim::run([&] { *out = t->t.item().to<double>(); });
}

int ct_item_int(const ct_tensor *t, int64_t *out) {
  return shim::run([&] { *out = t->t.item().to<int64_t>(); });
}

int ct_copy_out(const ct_tensor *t, void *out, size_t count) {
  return shim::run([&] {
    at::Tensor host = t->t.detach().to(at::kCPU).contiguous();
    TORCH_CHECK(host.nbytes() == count, "the tensor has ", host.nbytes(), " bytes, the place for them ", count);
    if (count) memcpy(out, host.const_data_ptr(), count);
  });
}

void *ct_data(const ct_tensor *t) {
  void *pointer = nullptr;
  shim::run([&] {
    TORCH_CHECK(t->t.is_cpu(), "the data of a tensor on ", t->t.device(), " cannot be reached directly");
    pointer = const_cast<void *>(t->t.const_data_ptr());
  });
  return pointer;
}

ct_tensor *ct_empty(const int64_t *s, size_t n, ct_dtype dtype, ct_device where) {
  return shim::tensor([&] { return at::empty(sizes(s, n), options(dtype, where)); });
}

ct_tensor *ct_full(const int64_t *s, size_t n, double value, ct_dtype dtype, ct_device where) {
  return shim::tensor([&] { return at::full(sizes(s, n), value, options(dtype, where)); });
}

ct_tensor *ct_arange(double start, double end, double step, ct_dtype dtype, ct_device where) {
  return shim::tensor([&] { return at::arange(start, end, step, options(dtype, where)); });
}

ct_tensor *ct_linspace(double start, double end, int64_t count, ct_dtype dtype, ct_device where) {
  return shim::tensor([&] { return at::linspace(start, end, count, options(dtype, where)); });
}

ct_tensor *ct_eye(int64_t n, ct_dtype dtype, ct_device where) {
  return shim::tensor([&] { return at::eye(n, options(dtype, where)); });
}

ct_tensor *ct_from_bytes(const void *bytes, size_t count, const int64_t *s, size_t n, ct_dtype dtype) {
  return shim::tensor([&] {
    check_size(sizes(s, n), dtype, count);
    at::Tensor t = at::empty(sizes(s, n), at::TensorOptions().dtype(shim::scalar_type(dtype)));
    if (count) memcpy(t.mutable_data_ptr(), bytes, count);
    return t;
  });
}

ct_tensor *ct_from_borrowed(void *bytes, const int64_t *s, size_t n, ct_dtype dtype, void *owner, void (*release)(void *)) {
  return shim::tensor([&] {
    // Released once, when the last copy of the deleter goes: with the storage, or on a failure before there is one.
    std::shared_ptr<void> hold(owner, release);
    return at::from_blob(
        bytes, sizes(s, n), [hold = std::move(hold)](void *) mutable { hold.reset(); },
        at::TensorOptions().dtype(shim::scalar_type(dtype)));
  });
}

ct_tensor *ct_randn(const int64_t *s, size_t n, ct_dtype dtype, ct_device where, ct_generator *g) {
  return shim::tensor([&] { return at::randn(sizes(s, n), g->g, options(dtype, where)); });
}

ct_tensor *ct_rand(const int64_t *s, size_t n, ct_dtype dtype, ct_device where, ct_generator *g) {
  return shim::tensor([&] { return at::rand(sizes(s, n), g->g, options(dtype, where)); });
}

ct_tensor *ct_randint(int64_t low, int64_t high, const int64_t *s, size_t n, ct_device where, ct_generator *g) {
  return shim::tensor([&] { return at::randint(low, high, sizes(s, n), g->g, options(CT_I64, where)); });
}

ct_tensor *ct_randperm(int64_t n, ct_generator *g) {
  return shim::tensor([&] { return at::randperm(n, g->g, at::TensorOptions().dtype(at::kLong)); });
}

ct_tensor *ct_bernoulli_like(const ct_tensor *x, double p, ct_generator *g) {
  return shim::tensor([&] { return at::empty_like(x->t.detach()).bernoulli_(p, g->g); });
}

ct_generator *ct_generator_new(uint64_t seed, ct_device where) {
  ct_generator *out = nullptr;
  shim::run([&] { out = new ct_generator{make_generator(seed, where)}; });
  return out;
}

void ct_generator_free(ct_generator *g) { delete g; }

int ct_generator_seed(ct_generator *g, uint64_t seed) {
  return shim::run([&] { g->g.set_current_seed(seed); });
}

ct_tensor *ct_generator_state(const ct_generator *g) {
  return shim::tensor([&] { return g->g.get_state(); });
}

int ct_generator_set_state(ct_generator *g, const ct_tensor *state) {
  return shim::run([&] { g->g.set_state(state->t); });
}

}  // extern "C"
