// Handles, and the creation of tensors.
#include "../support/ctorch_internal.h"

#include <cstring>
#include <memory>

using shim::options;
using shim::sizes;

namespace {

at::Generator make_generator(uint64_t seed, ct_device where) {
  if (where.type == CT_CPU || where.type == CT_META) return at::detail::createCPUGenerator(seed);
  // An accelerator's generators come from its own library, which is loaded at start.
  at::Generator generator = at::globalContext().getAcceleratorHooksInterface(shim::device(where).type()).getNewGenerator(where.index);
  generator.set_current_seed(seed);
  return generator;
}

/// Checks the number of bytes against the shape before any memory is allocated.
void check_size(at::IntArrayRef shape, ct_dtype dtype, size_t count) {
  uint64_t needed = c10::elementSize(shim::scalar_type(dtype));
  for (int64_t size : shape) {
    TORCH_CHECK(size >= 0, "negative size ", size, " in ", shape);
    TORCH_CHECK(!__builtin_mul_overflow(needed, static_cast<uint64_t>(size), &needed), shape, " exceeds the address space");
  }
  TORCH_CHECK(needed == count, "the shape ", shape, " needs ", needed, " bytes, found ", count);
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

int ct_copy_out(const ct_tensor *t, void *out, size_t count) {
  return shim::run([&] {
    at::Tensor host = t->t.detach().to(at::kCPU).contiguous();
    TORCH_CHECK(host.nbytes() == count, "the tensor has ", host.nbytes(), " bytes, the destination ", count);
    if (count) memcpy(out, host.const_data_ptr(), count);
  });
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
    // Released once, with the last copy of the deleter: with the storage, or on a failure before the storage exists.
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

ct_generator *ct_generator_new(uint64_t seed, ct_device where) {
  ct_generator *out = nullptr;
  shim::run([&] { out = new ct_generator{make_generator(seed, where)}; });
  return out;
}

void ct_generator_free(ct_generator *g) { delete g; }

ct_tensor *ct_generator_state(const ct_generator *g) {
  return shim::tensor([&] { return g->g.get_state(); });
}

int ct_generator_set_state(ct_generator *g, const ct_tensor *state) {
  return shim::run([&] { g->g.set_state(state->t); });
}

}  // extern "C"
