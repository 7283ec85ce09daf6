// Standard normal numbers that depend on their position alone: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers:
// As Easy as 1, 2, 3", 2011), whose four words become two pairs by Box and Muller's transform (1958).
#include "../../support/ctorch_internal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace {

using Words = std::array<uint32_t, 4>;

Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t first = uint64_t{0xD2511F53} * counter[0], second = uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(second),
        static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(first)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// Two independent normal numbers of two words.
void box_muller(uint32_t a, uint32_t b, float *out) {
  // In the middle of its interval, so that the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log((a + 0.5) * 0x1p-32)), angle = 2 * std::numbers::pi * (b * 0x1p-32);
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

/// What the numbers of one picture share.
struct Stream {
  uint64_t seed;
  uint32_t step, draw;

  /// Four channels of a pixel, the first a multiple of four.
  std::array<float, 4> at(uint32_t y, uint32_t x, uint32_t channel) const {
    const Words counter{x, y, (channel / 4) | draw << 16, step};
    const Words words = philox(counter, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    std::array<float, 4> out;
    box_muller(words[0], words[1], out.data());
    box_muller(words[2], words[3], out.data() + 2);
    return out;
  }
};

void fill_row(const Stream &stream, uint32_t y, uint32_t x, int64_t columns, int64_t channels, float *out) {
  for (int64_t column = 0; column < columns; column++)
    for (int64_t channel = 0; channel < channels; channel += 4) {
      const auto values = stream.at(y, x + static_cast<uint32_t>(column), static_cast<uint32_t>(channel));
      const int64_t count = std::min<int64_t>(4, channels - channel);
      out = std::copy_n(values.data(), count, out);
    }
}

}  // namespace

ct_tensor *ct_positional_noise(ct_noise_place place, int64_t rows, int64_t columns, int64_t channels) {
  return shim::tensor([&] {
    constexpr int64_t limit = int64_t{1} << 32;
    TORCH_CHECK(rows >= 0 && columns >= 0, "impossible sizes ", rows, " x ", columns);
    TORCH_CHECK(channels >= 0 && channels <= 1 << 16, "expected up to 65536 channels, found ", channels);
    TORCH_CHECK(
        place.y >= 0 && place.x >= 0 && place.y + rows <= limit && place.x + columns <= limit, "noise begins at row 0, column 0");
    const Stream stream{place.seed, place.step, place.draw};
    at::Tensor noise = at::empty({1, rows, columns, channels}, at::TensorOptions().dtype(at::kFloat));
    float *out = noise.data_ptr<float>();
    shim::parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++)
        fill_row(
            stream, static_cast<uint32_t>(place.y + row), static_cast<uint32_t>(place.x), columns, channels,
            out + row * columns * channels);
    });
    return noise;
  });
}
