// Elementwise operations, reductions and changes of shape, each calling the ATen operation of the same name.
#include "../support/ctorch_internal.h"
#include "../kernels/low_precision/low_precision.h"

#include <string_view>

using shim::sizes;
using shim::tensor;

extern "C" {

#define UNARY(name, expression)                                                                                        \
  ct_tensor *ct_##name(const ct_tensor *a) {                                                                           \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t;                                                                                      \
      return expression;                                                                                               \
    });                                                                                                                \
  }
UNARY(neg, at::neg(x))
UNARY(abs, at::abs(x))
UNARY(exp, at::exp(x))
UNARY(log, at::log(x))
UNARY(sqrt, at::sqrt(x))
UNARY(square, at::square(x))
UNARY(sin, at::sin(x))
UNARY(cos, at::cos(x))
UNARY(tanh, at::tanh(x))
UNARY(sigmoid, at::sigmoid(x))
UNARY(silu, at::silu(x))
UNARY(gelu, at::gelu(x))
UNARY(gelu_tanh, at::gelu(x, "tanh"))
UNARY(relu, x.is_meta() ? at::threshold(x, 0, 0) : at::relu(x))  // libtorch has no meta kernel for relu
UNARY(floor, at::floor(x))
UNARY(round, at::round(x))
UNARY(isfinite, at::isfinite(x))
UNARY(isnan, at::isnan(x))
UNARY(logical_not, at::logical_not(x))
UNARY(detach, x.detach())
UNARY(clone, at::clone(x))
UNARY(all, at::all(x))
UNARY(any, at::any(x))
#undef UNARY

#define BINARY(name, expression)                                                                                       \
  ct_tensor *ct_##name(const ct_tensor *a, const ct_tensor *b) {                                                       \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t, &y = b->t;                                                                           \
      return expression;                                                                                               \
    });                                                                                                                \
  }
BINARY(add, at::add(x, y))
BINARY(sub, at::sub(x, y))
BINARY(mul, at::mul(x, y))
BINARY(div, at::div(x, y))
BINARY(pow, at::pow(x, y))
BINARY(maximum, at::maximum(x, y))
BINARY(minimum, at::minimum(x, y))
BINARY(eq, at::eq(x, y))
BINARY(ne, at::ne(x, y))
BINARY(lt, at::lt(x, y))
BINARY(le, at::le(x, y))
BINARY(gt, at::gt(x, y))
BINARY(ge, at::ge(x, y))
BINARY(logical_and, at::logical_and(x, y))
BINARY(logical_or, at::logical_or(x, y))
BINARY(matmul, shim::low_precision::is_emulated(x, y) ? shim::low_precision::matmul(x, y) : at::matmul(x, y))
#undef BINARY

#define SCALAR(name, expression)                                                                                       \
  ct_tensor *ct_##name##_scalar(const ct_tensor *a, double s) {                                                        \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t;                                                                                      \
      return expression;                                                                                               \
    });                                                                                                                \
  }
SCALAR(add, at::add(x, s))
SCALAR(mul, at::mul(x, s))
SCALAR(div, at::div(x, s))
SCALAR(rsub, at::rsub(x, s))
SCALAR(rdiv, at::mul(at::reciprocal(x), s))
SCALAR(pow, at::pow(x, s))
SCALAR(eq, at::eq(x, s))
SCALAR(lt, at::lt(x, s))
SCALAR(le, at::le(x, s))
SCALAR(gt, at::gt(x, s))
SCALAR(ge, at::ge(x, s))
SCALAR(leaky_relu, at::leaky_relu(x, s))
#undef SCALAR

ct_tensor *ct_clamp(const ct_tensor *x, double low, double high) {
  return tensor([&] { return at::clamp(x->t, low, high); });
}

ct_tensor *ct_where(const ct_tensor *condition, const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::where(condition->t, a->t, b->t); });
}

ct_tensor *ct_lerp(const ct_tensor *a, const ct_tensor *b, double weight) {
  return tensor([&] { return at::lerp(a->t, b->t, weight); });
}

// Most of these read an empty list of axes as "all"; amax and norm do not, so all axes are listed.
#define REDUCE(name, expression)                                                                                       \
  ct_tensor *ct_##name(const ct_tensor *a, const int64_t *axes, size_t n, bool keep) {                                 \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t;                                                                                      \
      std::vector<int64_t> every(n ? 0 : static_cast<size_t>(x.dim()));                                                \
      for (size_t i = 0; i < every.size(); i++) every[i] = static_cast<int64_t>(i);                                    \
      at::IntArrayRef over = n ? sizes(axes, n) : at::IntArrayRef(every);                                              \
      return expression;                                                                                               \
    });                                                                                                                \
  }
REDUCE(sum, at::sum(x, over, keep))
REDUCE(mean, at::mean(x, over, keep))
REDUCE(amax, at::amax(x, over, keep))
REDUCE(amin, at::amin(x, over, keep))
REDUCE(norm, at::norm(x, 2, over, keep))
#undef REDUCE

ct_tensor *ct_var(const ct_tensor *x, const int64_t *axes, size_t n, int64_t correction, bool keep) {
  return tensor([&] {
    at::OptionalIntArrayRef over = n ? at::OptionalIntArrayRef(sizes(axes, n)) : std::nullopt;
    return at::var(x->t, over, std::optional<at::Scalar>(correction), keep);
  });
}

#define AXIS(name, expression)                                                                                         \
  ct_tensor *ct_##name(const ct_tensor *a, int64_t axis) {                                                             \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t;                                                                                      \
      return expression;                                                                                               \
    });                                                                                                                \
  }
AXIS(argmax, at::argmax(x, axis))
AXIS(softmax, at::softmax(x, axis))
AXIS(log_softmax, at::log_softmax(x, axis))
AXIS(unsqueeze, at::unsqueeze(x, axis))
AXIS(squeeze, at::squeeze(x, axis))
#undef AXIS

ct_tensor *ct_sort(const ct_tensor *x, int64_t axis, bool descending) {
  return tensor([&] { return std::get<0>(at::sort(x->t, axis, descending)); });
}

ct_tensor *ct_quantile(const ct_tensor *x, double q, int64_t axis, bool keep) {
  return tensor([&] { return at::quantile(x->t, q, axis, keep); });
}

#define SIZED(name, expression)                                                                                        \
  ct_tensor *ct_##name(const ct_tensor *a, const int64_t *values, size_t n) {                                          \
    return tensor([&] {                                                                                                \
      const at::Tensor &x = a->t;                                                                                      \
      return expression;                                                                                               \
    });                                                                                                                \
  }
SIZED(reshape, at::reshape(x, sizes(values, n)))
SIZED(expand, x.expand(sizes(values, n)))
SIZED(repeat, x.repeat(sizes(values, n)))
SIZED(permute, at::permute(x, sizes(values, n)))
SIZED(flip, at::flip(x, sizes(values, n)))
#undef SIZED

ct_tensor *ct_transpose(const ct_tensor *x, int64_t a, int64_t b) {
  return tensor([&] { return at::transpose(x->t, a, b); });
}

ct_tensor *ct_select(const ct_tensor *x, int64_t axis, int64_t index) {
  return tensor([&] { return at::select(x->t, axis, index); });
}

ct_tensor *ct_slice(const ct_tensor *x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  return tensor([&] { return at::slice(x->t, axis, start, end, step); });
}

ct_tensor *ct_as_strided(const ct_tensor *x, const int64_t *s, const int64_t *strides, size_t n, int64_t start) {
  return tensor([&] { return at::as_strided(x->t, sizes(s, n), sizes(strides, n), start); });
}

ct_tensor *ct_repeat_interleave(const ct_tensor *x, int64_t times, int64_t axis) {
  return tensor([&] { return at::repeat_interleave(x->t, times, axis); });
}

ct_tensor *ct_index_select(const ct_tensor *x, int64_t axis, const ct_tensor *indices) {
  return tensor([&] { return at::index_select(x->t, axis, indices->t); });
}

ct_tensor *ct_gather(const ct_tensor *x, int64_t axis, const ct_tensor *indices) {
  return tensor([&] { return at::gather(x->t, axis, indices->t); });
}

ct_tensor *ct_cat(ct_tensor *const *tensors, size_t n, int64_t axis) {
  return tensor([&] { return at::cat(shim::list(tensors, n), axis); });
}

ct_tensor *ct_stack(ct_tensor *const *tensors, size_t n, int64_t axis) {
  return tensor([&] { return at::stack(shim::list(tensors, n), axis); });
}

ct_tensor *ct_pad(const ct_tensor *x, const int64_t *widths, size_t n, const char *mode, double value) {
  return tensor([&] {
    bool constant = std::string_view(mode) == "constant";
    return at::pad(x->t, sizes(widths, n), mode, constant ? std::optional<double>(value) : std::nullopt);
  });
}

ct_tensor *ct_to(const ct_tensor *x, ct_dtype dtype, ct_device where) {
  return tensor([&] { return x->t.to(shim::device(where), shim::scalar_type(dtype)); });
}

ct_tensor *ct_contiguous(const ct_tensor *x, ct_format format) {
  return tensor([&] {
    if (format == CT_CONTIGUOUS) return x->t.contiguous();
    at::Tensor y = x->t.contiguous(at::MemoryFormat::ChannelsLast);
    // Images of one channel are in both layouts at once, and libtorch takes them for contiguous: the convolution of such a tensor,
    // and with it the whole network, would run channels-first. Setting the channel stride to 1 marks them as channels-last.
    return y.dim() == 4 && y.size(1) == 1 ? y.squeeze(1).unsqueeze(-1).permute({0, 3, 1, 2}) : y;
  });
}

}  // extern "C"
