internal import CTorch

extension Tensor {
  /// Standard normal numbers of which each depends on its row, column and channel, on the seed, the step and the draw, and on nothing else:
  /// parts of a picture have the same noise as the whole.
  ///
  /// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) and Box and Muller's transform (1958).
  ///
  /// - Parameters:
  ///   - rows, columns: of the picture, from 0 on.
  ///   - step: of the sampler; `draw`: which of the noises that the step draws. Both below 65,536.
  /// - Returns: `[1, channels, rows, columns]`, float32, channels last, on the CPU.
  /// - Faults: for positions, steps and draws out of range.
  public static func positionalNoise(
    seed: Seed, step: Int, draw: Int = 0, rows: Range<Int>, columns: Range<Int>, channels: Int
  ) -> Tensor {
    guard (0..<(1 << 16)).contains(step), (0..<(1 << 16)).contains(draw) else {
      return Tensor(failing: TorchFault(operation: "positionalNoise", message: "step \(step), draw \(draw); expected 0 to 65535"))
    }
    let place = ct_noise_place(
      seed: seed.value, step: UInt32(step), draw: UInt32(draw), y: Int64(rows.lowerBound), x: Int64(columns.lowerBound))
    let noise = apply("positionalNoise", []) { _ in
      ct_positional_noise(place, Int64(rows.count), Int64(columns.count), Int64(channels))
    }
    return noise.permute(0, 3, 1, 2)
  }
}
