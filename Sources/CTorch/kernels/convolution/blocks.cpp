// How a convolution and its weight gradient are split into blocks that fit into the caches, and among threads. A result depends neither on
// the number of threads nor on the other images of a batch: every sum runs in an order that follows from the shape of one image, and
// for the weight gradient, which sums over images, from the shape of the batch.
#include "winograd.h"

#include "../../support/ctorch_internal.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace shim::winograd {
namespace {

/// Floats of transformed input, which every thread computes, up to which threads divide the outputs instead of the tiles: they stay in
/// half a second-level cache.
constexpr int64_t shared_input = 36 << 11;

/// Aligned memory that a thread keeps from call to call, unless it is large.
class Scratch {
 public:
  ~Scratch() { free(data); }
  float *get(int64_t floats) {
    if (floats > size) {
      free(data);
      size = 0;
      data = static_cast<float *>(aligned_alloc(4096, static_cast<size_t>((floats * 4 + 4095) / 4096 * 4096)));
      if (!data) throw std::bad_alloc();
      size = floats;
    }
    return data;
  }

 private:
  float *data = nullptr;
  int64_t size = 0;
};
thread_local Scratch of_block, of_sums;

/// body(i) for i in [0, count), each taken by the next free thread.
template <class Body> void take_turns(int64_t count, const Body &body) {
  std::atomic<int64_t> next{0};
  shim::parallel_for(std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    for (int64_t i; (i = next.fetch_add(1)) < count;) body(i);
  });
}

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Threads take panels: each transforms the whole input, and weights that no other thread needs.
void convolve_by_panels(const Loops &k, const Convolution &f, const float *transformed) {
  const Shape &s = f.shape;
  const int64_t tiles = s.tiles(), panels = k.panels(s.co), parts = std::min<int64_t>(panels, at::get_num_threads());
  const int64_t weights = k.panel_size(s.ci), input = k.input_size(s.ci, tiles);
  take_turns(parts, [&](int64_t part) {
    float *u = of_block.get(weights + input + k.products_size(f.tiles)), *v = u + weights, *m = v + input;
    k.transform_input(f, 0, tiles, v);
    for (int64_t panel = panels * part / parts; panel < panels * (part + 1) / parts; panel++) {
      if (!transformed) k.transform_weights(s, f.weights, panel, 0, s.ci, u);
      k.convolve_panel(f, 0, tiles, panel, v, transformed ? transformed + panel * weights : u, m);
    }
  });
}

void transform_panels(const Loops &k, const Shape &s, const Weights &weights, int64_t first, int64_t last, float *u) {
  const int64_t step = 16, pieces = ceil_divide(s.ci, step), size = k.panel_size(s.ci);
  take_turns((last - first) * pieces, [&](int64_t i) {
    const int64_t panel = i / pieces, begin = i % pieces * step;
    k.transform_weights(s, weights, first + panel, begin, std::min(begin + step, s.ci), u + panel * size);
  });
}

/// Threads take blocks of tiles, for the panels [first, last), whose transformed weights are at u.
void convolve_blocks(const Loops &k, const Convolution &f, int64_t first, int64_t last, const float *u) {
  const Shape &s = f.shape;
  const int64_t tiles = s.tiles(), threads = at::get_num_threads(), weights = k.panel_size(s.ci);
  int64_t blocks = ceil_divide(tiles, f.tiles);
  if (blocks < 4 * threads) blocks = ceil_divide(blocks, threads) * threads;
  take_turns(blocks, [&](int64_t i) {
    const int64_t begin = tiles * i / blocks, count = tiles * (i + 1) / blocks - begin, input = k.input_size(s.ci, count);
    float *v = of_block.get(input + k.products_size(count)), *m = v + input;
    k.transform_input(f, begin, count, v);
    for (int64_t panel = first; panel < last; panel++) k.convolve_panel(f, begin, count, panel, v, u + (panel - first) * weights, m);
  });
}

}  // namespace

void transform_all(const Loops &k, const Shape &s, const Weights &weights, float *u) {
  transform_panels(k, s, weights, 0, k.panels(s.co), u);
}

void convolve(const Loops &k, const Convolution &f, const float *transformed) {
  const Shape &s = f.shape;
  if (s.tiles() <= 4 || k.input_size(s.ci, s.tiles()) <= shared_input) return convolve_by_panels(k, f, transformed);
  const int64_t panels = k.panels(s.co);
  if (transformed) return convolve_blocks(k, f, 0, panels, transformed);
  const int64_t size = k.panel_size(s.ci), held = std::min(panels, std::max<int64_t>(8, weights_held / size));
  const at::Tensor u = at::empty({held * size}, at::kFloat);
  float *const to = static_cast<float *>(u.mutable_data_ptr());
  for (int64_t first = 0; first < panels; first += held) {
    const int64_t last = std::min(first + held, panels);
    transform_panels(k, s, f.weights, first, last, to);
    convolve_blocks(k, f, first, last, to);
  }
}

void weight_gradient(const Loops &k, const Shape &s, Element element, const void *x, const void *dy, float *dw, const Weights &layout,
                     float *db) {
  const int64_t tiles = s.tiles(), inputs = ceil_divide(s.ci, group_size), groups = inputs * ceil_divide(s.co, group_size);
  // The tiles are cut into parts, each with sums of its own, by the shape alone; parts of fewer tiles would spend their time on these.
  const int64_t parts = std::max<int64_t>(1, std::min(ceil_divide(16, groups), tiles / 256));
  const int64_t part_step = 36 * sum_step + group_size;
  const std::vector<float> zeros(static_cast<size_t>(std::max(s.ci, s.co) + line));
  const WeightGradient f{s, element, x, dy, zeros.data(), k.lanes == 16 ? 32 : 64};  // measured; the sums of a block are read and written once
  const at::Tensor kept = at::empty({parts > 1 ? groups * parts * part_step : 0}, at::kFloat);
  float *const shared = parts > 1 ? static_cast<float *>(kept.mutable_data_ptr()) : nullptr;
  auto finish = [&](int64_t group, const float *sums) {
    const int64_t co = group / inputs * group_size, ci = group % inputs * group_size;
    k.finish_gradient(s, co, ci, sums, parts, part_step, dw, layout);
    if (!db || ci) return;
    for (int64_t i = 0; i < std::min(group_size, s.co - co); i++) {
      db[co + i] = 0;
      for (int64_t part = 0; part < parts; part++) db[co + i] += sums[(part + 1) * part_step - group_size + i];
    }
  };
  const auto add_products = element == Element::bfloat16 ? k.add_products_bfloat16 : k.add_products;
  take_turns(groups * parts, [&](int64_t i) {
    const int64_t group = i / parts, part = i % parts;
    float *sums = shared ? shared + i * part_step : of_sums.get(part_step);
    add_products(f, group / inputs * group_size, group % inputs * group_size, tiles * part / parts, tiles * (part + 1) / parts, sums,
                   sums + part_step - group_size, of_block.get(Loops::gradient_size(f.tiles)));
    if (parts == 1) finish(group, sums);
  });
  if (parts > 1) take_turns(groups, [&](int64_t i) { finish(i, shared + i * parts * part_step); });
}

}  // namespace shim::winograd
