// Which convolutions Winograd's kernels compute.
#include "convolution.h"
#include "winograd.h"

#include <atomic>

namespace shim::convolution {
namespace {

std::atomic<bool> exact_process{false};
thread_local int exact_thread = -1;

/// The least share of the tiles' pixels that must lie in the image. Below it (5 x 5: 0.39, 2 x 2: 0.25) direct sums are as fast.
constexpr double least_share = 0.5;
/// The fewest channels on the narrow side; vectors of more lanes need as many. Of 3, 6 or 1 most of the vectors would be empty.
constexpr int64_t fewest_channels = 8;
/// The fewest inputs for a weight gradient: oneDNN's is slow, so that few outputs (64 to 6, 32 to 1) are fast enough here.
constexpr int64_t fewest_gradient_inputs = 16;

double share(int64_t h, int64_t w) {
  auto padded = [](int64_t size) { return (size + 3) / 4 * 4; };
  return static_cast<double>(h * w) / static_cast<double>(padded(h) * padded(w));
}

}  // namespace

bool is_exact() { return exact_thread >= 0 ? exact_thread == 1 : exact_process.load(std::memory_order_relaxed); }
void set_exact(bool exact) { exact_process.store(exact, std::memory_order_relaxed); }
int override_exact(int exact) { return std::exchange(exact_thread, exact); }

// Measured on AVX2 with two cores, oneDNN's weights packed for the shape: 3 x 3 layers of 8 to 256 channels at 3 x 3 to 32 x 32 are 1.1 to
// 3 times as fast, weight gradients 1.6 to 4 times. The batch is no part of the rule, so that an image's result does not depend on it.
bool suits(Pass pass, at::IntArrayRef images, at::IntArrayRef weight, int64_t stride, int64_t padding) {
  const winograd::Loops *loops = winograd::best_loops();
  if (!loops || is_exact() || images.size() != 4 || weight.size() != 4 || images[0] == 0) return false;
  if (weight[2] != 3 || weight[3] != 3 || stride != 1 || padding != 1 || images[1] != weight[1]) return false;
  if (share(images[2], images[3]) < least_share) return false;
  if (pass == Pass::weight_gradient) return weight[1] >= fewest_gradient_inputs && weight[0] > 0;
  return std::min(weight[0], weight[1]) >= std::max(fewest_channels, loops->lanes);
}

bool fits(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  return x.is_cpu() && weight.is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         suits(Pass::forward, x.sizes(), weight.sizes(), stride, padding) && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

bool keeps_transformed(at::IntArrayRef images, at::IntArrayRef weight) {
  constexpr int64_t most_tiles = 256, most_weights = 256 * 256;
  return images[0] * ((images[2] + 3) / 4) * ((images[3] + 3) / 4) <= most_tiles && weight[0] * weight[1] <= most_weights;
}

}  // namespace shim::convolution
