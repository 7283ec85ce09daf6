// A C interface to the part of libtorch that Sfumato uses. No C++ type and no exception crosses it.
//
// Functions that create a tensor return a new handle, which the caller frees with ct_tensor_free, or NULL on failure.
// Functions that return int return 0, or -1 on failure. After a failure, ct_take_error() on the same thread describes it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor ct_tensor;
typedef struct ct_generator ct_generator;
typedef struct ct_conv ct_conv;

typedef enum { CT_F32, CT_F64, CT_F16, CT_BF16, CT_I64, CT_I32, CT_I16, CT_I8, CT_U8, CT_BOOL } ct_dtype;
typedef enum { CT_CPU, CT_CUDA, CT_MPS, CT_META } ct_device_type;
typedef struct { int type; int index; } ct_device;
typedef enum { CT_CONTIGUOUS, CT_CHANNELS_LAST } ct_format;
typedef enum { CT_IDENTITY, CT_SILU } ct_activation;
typedef enum { CT_ERROR_INVALID, CT_ERROR_OUT_OF_MEMORY } ct_error_kind;

// Errors, versions, counts -------------------------------------------------------------------------------------------
/// The message of this thread's last failure, to be freed with free(), and its kind; NULL if there was no failure.
char *ct_take_error(ct_error_kind *kind);
/// The versions of the headers used at compile time and of the loaded library ("" if the library does not report it).
const char *ct_header_version(void);
const char *ct_library_version(void);
/// The path of the loaded libtorch_cpu; to be freed with free().
char *ct_library_path(void);
/// libtorch's description of its build; to be freed with free().
char *ct_build_description(void);
/// The widest instruction set that libtorch's own kernels use.
const char *ct_cpu_capability(void);
/// The relevant instruction set extensions that the processor and the operating system support: "avx2 avx512f …", "neon bf16".
const char *ct_cpu_features(void);
/// Whether the CPU has kernels for products in this dtype; otherwise they are computed in float32 and rounded.
bool ct_has_kernels(ct_dtype);
int64_t ct_live_count(void);

// Threads ------------------------------------------------------------------------------------------------------------
int ct_thread_count(void);
void ct_set_thread_count(int count);
/// The C library keeps what is freed for later allocations in place of returning it to the system at once.
void ct_keep_freed_memory(void);
/// Runs body(context, begin, end) over parts of [0, count) of at least `grain`, on all of libtorch's threads.
void ct_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context);
/// "gomp" (libtorch's own OpenMP team) or "pool".
const char *ct_parallel_backend(void);

// Devices ------------------------------------------------------------------------------------------------------------
/// Loads libtorch_cuda from libtorch_cpu's folder. 1: loaded, 0: not there, -1: there, but loading failed.
int ct_load_cuda(void);
int ct_cuda_device_count(void);
bool ct_mps_is_available(void);
int ct_synchronize(ct_device);

// Handles ------------------------------------------------------------------------------------------------------------
void ct_tensor_free(ct_tensor *);
/// A second handle to the same tensor.
ct_tensor *ct_alias(const ct_tensor *);
size_t ct_dim(const ct_tensor *);
int64_t ct_size(const ct_tensor *, size_t axis);
int64_t ct_stride(const ct_tensor *, size_t axis);
int64_t ct_numel(const ct_tensor *);
ct_dtype ct_dtype_of(const ct_tensor *);
ct_device ct_device_of(const ct_tensor *);
bool ct_requires_grad(const ct_tensor *);
bool ct_is_contiguous(const ct_tensor *, ct_format);
int ct_item(const ct_tensor *, double *out);
/// Copies the elements in row-major order into `out`; `count` must be the tensor's size in bytes.
int ct_copy_out(const ct_tensor *, void *out, size_t count);

// Making tensors -----------------------------------------------------------------------------------------------------
ct_tensor *ct_empty(const int64_t *sizes, size_t n, ct_dtype, ct_device);
ct_tensor *ct_full(const int64_t *sizes, size_t n, double value, ct_dtype, ct_device);
ct_tensor *ct_arange(double start, double end, double step, ct_dtype, ct_device);
ct_tensor *ct_linspace(double start, double end, int64_t count, ct_dtype, ct_device);
/// A copy of `count` bytes.
ct_tensor *ct_from_bytes(const void *bytes, size_t count, const int64_t *sizes, size_t n, ct_dtype);
/// A view of memory that must stay valid until release(owner) is called.
ct_tensor *ct_from_borrowed(void *bytes, const int64_t *sizes, size_t n, ct_dtype, void *owner, void (*release)(void *));
ct_tensor *ct_randn(const int64_t *sizes, size_t n, ct_dtype, ct_device, ct_generator *);
ct_tensor *ct_rand(const int64_t *sizes, size_t n, ct_dtype, ct_device, ct_generator *);
ct_tensor *ct_randint(int64_t low, int64_t high, const int64_t *sizes, size_t n, ct_device, ct_generator *);
ct_tensor *ct_randperm(int64_t n, ct_generator *);
/// Which noise, and from where on.
typedef struct {
  uint64_t seed;
  uint32_t step, draw;
  int64_t y, x;
} ct_noise_place;
/// Standard normal numbers by position, [1, rows, columns, channels] float32 on the CPU.
ct_tensor *ct_positional_noise(ct_noise_place, int64_t rows, int64_t columns, int64_t channels);

ct_generator *ct_generator_new(uint64_t seed, ct_device);
void ct_generator_free(ct_generator *);
ct_tensor *ct_generator_state(const ct_generator *);
int ct_generator_set_state(ct_generator *, const ct_tensor *);

// Elementwise --------------------------------------------------------------------------------------------------------
#define CT_UNARY(name) ct_tensor *ct_##name(const ct_tensor *);
CT_UNARY(neg) CT_UNARY(abs) CT_UNARY(exp) CT_UNARY(log) CT_UNARY(sqrt)
CT_UNARY(square) CT_UNARY(sin) CT_UNARY(cos) CT_UNARY(tanh) CT_UNARY(sigmoid)
CT_UNARY(silu) CT_UNARY(gelu) CT_UNARY(gelu_tanh) CT_UNARY(relu) CT_UNARY(floor) CT_UNARY(round)
CT_UNARY(isfinite) CT_UNARY(isnan) CT_UNARY(logical_not) CT_UNARY(detach) CT_UNARY(clone)
#undef CT_UNARY
#define CT_BINARY(name) ct_tensor *ct_##name(const ct_tensor *, const ct_tensor *);
CT_BINARY(add) CT_BINARY(sub) CT_BINARY(mul) CT_BINARY(div) CT_BINARY(pow) CT_BINARY(maximum) CT_BINARY(minimum)
CT_BINARY(eq) CT_BINARY(ne) CT_BINARY(lt) CT_BINARY(le) CT_BINARY(gt) CT_BINARY(ge) CT_BINARY(logical_and)
CT_BINARY(logical_or) CT_BINARY(matmul)
#undef CT_BINARY
#define CT_SCALAR(name) ct_tensor *ct_##name##_scalar(const ct_tensor *, double);
CT_SCALAR(add) CT_SCALAR(mul) CT_SCALAR(div) CT_SCALAR(rsub) CT_SCALAR(rdiv) CT_SCALAR(pow) CT_SCALAR(eq) CT_SCALAR(lt)
CT_SCALAR(le) CT_SCALAR(gt) CT_SCALAR(ge) CT_SCALAR(leaky_relu)
#undef CT_SCALAR
ct_tensor *ct_clamp(const ct_tensor *, double low, double high);
ct_tensor *ct_where(const ct_tensor *condition, const ct_tensor *a, const ct_tensor *b);
ct_tensor *ct_lerp(const ct_tensor *a, const ct_tensor *b, double weight);

// Reductions over the given axes, or over all when n is 0 ----------------------------------------------------------------
#define CT_REDUCE(name) ct_tensor *ct_##name(const ct_tensor *, const int64_t *axes, size_t n, bool keep);
CT_REDUCE(sum) CT_REDUCE(mean) CT_REDUCE(amax) CT_REDUCE(amin) CT_REDUCE(norm)
#undef CT_REDUCE
ct_tensor *ct_var(const ct_tensor *, const int64_t *axes, size_t n, int64_t correction, bool keep);
#define CT_AXIS(name) ct_tensor *ct_##name(const ct_tensor *, int64_t axis);
CT_AXIS(argmax) CT_AXIS(softmax) CT_AXIS(log_softmax)
#undef CT_AXIS
ct_tensor *ct_all(const ct_tensor *);
ct_tensor *ct_any(const ct_tensor *);
ct_tensor *ct_sort(const ct_tensor *, int64_t axis, bool descending);
ct_tensor *ct_quantile(const ct_tensor *, double q, int64_t axis, bool keep);

// Linear algebra -----------------------------------------------------------------------------------------------------
/// Eigenvalues, ascending, and the eigenvectors, as columns, of a symmetric matrix [n, n], of which the lower triangle is read.
int ct_eigh(const ct_tensor *, ct_tensor **values, ct_tensor **vectors);
/// The singular values, descending.
ct_tensor *ct_svdvals(const ct_tensor *);
/// The k-th smallest element along an axis, k from 1.
ct_tensor *ct_kthvalue(const ct_tensor *, int64_t k, int64_t axis);

// Shape --------------------------------------------------------------------------------------------------------------
ct_tensor *ct_reshape(const ct_tensor *, const int64_t *sizes, size_t n);
ct_tensor *ct_expand(const ct_tensor *, const int64_t *sizes, size_t n);
ct_tensor *ct_repeat(const ct_tensor *, const int64_t *times, size_t n);
ct_tensor *ct_permute(const ct_tensor *, const int64_t *axes, size_t n);
ct_tensor *ct_flip(const ct_tensor *, const int64_t *axes, size_t n);
ct_tensor *ct_transpose(const ct_tensor *, int64_t a, int64_t b);
ct_tensor *ct_unsqueeze(const ct_tensor *, int64_t axis);
ct_tensor *ct_squeeze(const ct_tensor *, int64_t axis);
ct_tensor *ct_select(const ct_tensor *, int64_t axis, int64_t index);
/// A view of x's storage: element (i, j, …) is element start + i strides[0] + j strides[1] + … of the storage.
ct_tensor *ct_as_strided(const ct_tensor *, const int64_t *sizes, const int64_t *strides, size_t n, int64_t start);
ct_tensor *ct_slice(const ct_tensor *, int64_t axis, int64_t start, int64_t end, int64_t step);
ct_tensor *ct_repeat_interleave(const ct_tensor *, int64_t times, int64_t axis);
ct_tensor *ct_index_select(const ct_tensor *, int64_t axis, const ct_tensor *indices);
ct_tensor *ct_gather(const ct_tensor *, int64_t axis, const ct_tensor *indices);
ct_tensor *ct_cat(ct_tensor *const *tensors, size_t n, int64_t axis);
ct_tensor *ct_stack(ct_tensor *const *tensors, size_t n, int64_t axis);
/// Widths in torch's order: last axis first, before and after. mode: "constant", "reflect", "replicate".
ct_tensor *ct_pad(const ct_tensor *, const int64_t *widths, size_t n, const char *mode, double value);
ct_tensor *ct_to(const ct_tensor *, ct_dtype, ct_device);
ct_tensor *ct_contiguous(const ct_tensor *, ct_format);

// Networks -----------------------------------------------------------------------------------------------------------
ct_tensor *ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias);
/// conv(x) + bias + rows + residual, each of which may be NULL; bias: [O], rows: [N, O], residual: as the result.
/// On the CPU, 3 x 3 convolutions of float32 images in channels-last layout are computed by Winograd's kernels where these are faster.
ct_tensor *ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *rows, const ct_tensor *residual,
                     int64_t stride, int64_t padding);
/// Whether all convolutions are libtorch's own; of this thread's override if it has one.
bool ct_exact_convolutions(void);
void ct_set_exact_convolutions(bool);
/// For this thread, 1: libtorch's own, 0: the faster ones, -1: as for the process. Returns the previous value.
int ct_override_exact_convolutions(int);
/// The gradient of a convolution with respect to its input or its weight alone, given its output's gradient dy.
ct_tensor *ct_conv2d_input_gradient(const ct_tensor *dy, const ct_tensor *x, const ct_tensor *weight, int64_t stride, int64_t padding);
ct_tensor *ct_conv2d_weight_gradient(const ct_tensor *dy, const ct_tensor *x, const ct_tensor *weight, int64_t stride, int64_t padding);
ct_tensor *ct_embedding(const ct_tensor *weight, const ct_tensor *indices);
ct_tensor *ct_one_hot(const ct_tensor *indices, int64_t classes);
ct_tensor *ct_layer_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double eps);
ct_tensor *ct_dropout(const ct_tensor *x, double p, ct_generator *);
/// Means and largest values of kernel x kernel pixels; what lies beyond the edge does not count.
ct_tensor *ct_avg_pool2d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding);
ct_tensor *ct_max_pool2d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding);
/// mode: "nearest", "bilinear", "bicubic" (the last two without aligned corners).
ct_tensor *ct_interpolate(const ct_tensor *x, int64_t height, int64_t width, const char *mode);
ct_tensor *ct_pixel_shuffle(const ct_tensor *x, int64_t factor);
ct_tensor *ct_pixel_unshuffle(const ct_tensor *x, int64_t factor);
/// softmax(q k^T / sqrt(d)) v; q, k, v: [N, heads, length, d].
ct_tensor *ct_attention(const ct_tensor *q, const ct_tensor *k, const ct_tensor *v);
/// activation(group_norm(x) * (1 + scale) + shift); weight, bias, scale and shift may be NULL; scale, shift: [N, C].
/// One fused kernel each for forward and backward if x is float32 or bfloat16, on the CPU, channels-last; first derivatives only.
ct_tensor *ct_group_norm(const ct_tensor *x, int64_t groups, const ct_tensor *weight, const ct_tensor *bias, double eps,
                         const ct_tensor *scale, const ct_tensor *shift, ct_activation);
/// The same normalised over the channels of each pixel (a layer norm) instead of over groups.
ct_tensor *ct_pixel_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double eps, const ct_tensor *scale,
                         const ct_tensor *shift, ct_activation);

// Convolutions with prepacked weights, for inference --------------------------------------------------
ct_conv *ct_conv_pack(const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding, ct_dtype);
void ct_conv_free(ct_conv *);
/// conv(x) + rows + residual, each of which may be NULL; rows: [N, O], residual: as the result. The weights are packed for the
/// sizes of x that are new.
ct_tensor *ct_conv_apply(const ct_conv *, const ct_tensor *x, const ct_tensor *rows, const ct_tensor *residual);

// Gradients ----------------------------------------------------------------------------------------------------------
bool ct_set_grad_enabled(bool);
bool ct_grad_enabled(void);
/// A leaf that requires a gradient and shares x's data.
ct_tensor *ct_leaf(const ct_tensor *x);
ct_tensor *ct_grad(const ct_tensor *x);
int ct_backward(const ct_tensor *loss);
/// Writes d output / d inputs[i] to out[i] (NULL if the output does not depend on it); does not accumulate into leaves.
/// `record`: records the computation of the gradients, for second derivatives.
int ct_gradients(const ct_tensor *output, const ct_tensor *weights, ct_tensor *const *inputs, size_t n, bool record, ct_tensor **out);
/// A computation that runs again for its gradients. It takes ownership of its inputs and passes on that of its result; if
/// the result is NULL, `why` holds the reason.
typedef struct {
  ct_tensor *(*run)(void *context, ct_tensor *const *inputs, size_t n, char *why, size_t capacity);
  void (*release)(void *context);
  void *context;
} ct_computation;
/// The computation's result, keeping only its inputs for the backward pass (gradient checkpointing, Chen et al. 2016). Gradients
/// reach the inputs and the given parameters, which the computation uses. First derivatives only. Takes ownership of the context.
ct_tensor *ct_recomputed(ct_computation, ct_tensor *const *inputs, size_t n, ct_tensor *const *parameters, size_t m);
typedef struct { bool enabled; ct_dtype dtype; } ct_autocast;
/// Sets this thread's autocast for a device and returns the previous state; clears the cache of cast weights.
ct_autocast ct_set_autocast(ct_device, ct_autocast);

// Memory accounting on the meta device -------------------------------------------------------------------------------------
typedef struct ct_account ct_account;
/// small: storages below this many bytes count as small.
ct_account *ct_account_new(int64_t small);
/// The tensors it counts may outlive it.
void ct_account_free(ct_account *);
/// Counts the meta tensors that this thread creates from now on (NULL: stops counting); returns the previous account.
const ct_account *ct_account_use(const ct_account *);
/// Bytes held now, and the most held at once.
typedef struct { int64_t live; int64_t peak; } ct_memory;
/// The memory of all storages, and of the small ones.
ct_memory ct_account_memory(const ct_account *);
ct_memory ct_account_small_memory(const ct_account *);
void ct_account_restart_peaks(ct_account *);

// Steps over all parameters, in place ---------------------------------------------------------------------------------
int ct_copy(ct_tensor *destination, const ct_tensor *source);
int ct_clear_grads(ct_tensor *const *parameters, size_t n);
/// The L2 norm of all gradients together.
int ct_gradient_norm(ct_tensor *const *parameters, size_t n, double *norm);
typedef struct {
  double lr, beta1, beta2, eps;
  double decay;         ///< AdamW's decoupled weight decay (Loshchilov and Hutter 2019)
  double penalty;       ///< Adam's: added to the gradient, times the parameter
  double scale;         ///< the gradients' factor, by which they are clipped
  double average_rate;  ///< average += (parameter - average) * (1 - average_rate), after the step
} ct_adam_step;
/// A step of Adam (Kingma and Ba 2015) for all parameters that have a gradient, and an update of the averages of all, in one pass over
/// memory. `steps` counts from 1, one float32 scalar per parameter; averages: NULL for none.
int ct_adam(ct_tensor *const *parameters, ct_tensor *const *first, ct_tensor *const *second, ct_tensor *const *steps,
            ct_tensor *const *averages, size_t n, const ct_adam_step *step);
/// average += (value - average) * (1 - rate), for every tensor.
int ct_ema(ct_tensor *const *averages, ct_tensor *const *values, size_t n, double rate);

// Several processes -----------------------------------------------------------------------------------------------------
/// Whether the program was built with gloo's headers; otherwise the functions below fail.
bool ct_has_process_groups(void);
typedef struct ct_store ct_store;
/// The store through which processes meet, on a port of this machine; 0 for any that is free.
ct_store *ct_store_serve(const char *host, int port);
int ct_store_port(const ct_store *);
void ct_store_free(ct_store *);
typedef struct ct_group ct_group;
/// Connects to the store at host:port, which is this process if it `serves`, and says so there, under keys that begin with `prefix`.
/// `timeout`, in seconds, holds for this and for every exchange.
ct_group *ct_group_meet(const char *host, int port, const char *prefix, int rank, int size, bool serves, double timeout);
/// Whether the process of a rank has done so.
int ct_group_has_met(ct_group *, int rank, bool *out);
/// Connects all processes with each other, when all have met.
int ct_group_connect(ct_group *);
/// Processes say twice a second that they live. beats: how often it was; exchanges: how many it has begun; failure: why it ends, to be
/// freed with free(), or NULL.
typedef struct { int64_t beats; int64_t exchanges; char *failure; } ct_sign;
/// What was last heard of a rank.
ct_sign ct_group_sign(const ct_group *, int rank);
/// How often the signs of all were read; -1 once the store cannot be reached.
int64_t ct_group_rounds(const ct_group *);
/// Tells the others why this process ends; takes two seconds at most.
void ct_group_fail(ct_group *, const char *why);
/// The sums over all processes, in place, exchanged in flat pieces of about `bucket` bytes.
int ct_group_sum(ct_group *, ct_tensor *const *tensors, size_t n, int64_t bucket);
/// Sums of the parameters' gradients, begun before the backward pass that completes them: a piece of about `bucket` bytes is exchanged as
/// soon as the pass has all of its gradients. Every process then calls ct_sums_send, which exchanges the other pieces, zeros for absent
/// gradients, and ct_sums_finish, which waits and overwrites the gradients that there are.
typedef struct ct_sums ct_sums;
ct_sums *ct_group_begin_grads(ct_group *, ct_tensor *const *parameters, size_t n, int64_t bucket);
int ct_sums_send(ct_sums *);
int ct_sums_finish(ct_sums *);
void ct_sums_free(ct_sums *);
/// Overwrites the tensor with that of the process `root`.
int ct_group_broadcast(ct_group *, const ct_tensor *, int root);
/// Returns when every process has called it.
int ct_group_barrier(ct_group *);
void ct_group_free(ct_group *);

#ifdef __cplusplus
}
#endif
