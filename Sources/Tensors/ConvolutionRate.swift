internal import CTorch

/// The sizes of one convolution, which determine its FLOPs.
public struct ConvolutionShape: Sendable, Hashable {
  public var images: Int, inputs: Int, outputs: Int, height: Int, width: Int, kernel: Int, stride: Int, padding: Int

  /// - Parameters: height, width: of the input; inputs, outputs: channels.
  public init(images: Int, inputs: Int, outputs: Int, height: Int, width: Int, kernel: Int, stride: Int = 1, padding: Int? = nil) {
    self.images = images
    self.inputs = inputs
    self.outputs = outputs
    self.height = height
    self.width = width
    self.kernel = kernel
    self.stride = stride
    self.padding = padding ?? kernel / 2
  }

  /// FLOPs of the forward pass, a multiply-add counted as two: `2 N O I K² H' W'`. Each gradient takes as many.
  public var flops: Double {
    func positions(_ size: Int) -> Int { (size + 2 * padding - kernel) / stride + 1 }
    return 2 * Double(images) * Double(outputs) * Double(inputs * kernel * kernel) * Double(positions(height) * positions(width))
  }
}

/// The rate of libtorch's plain convolutions on this machine, in FLOP/s, as a baseline for the speed of networks.
public struct ConvolutionRate: Sendable, Equatable {
  public var forward: Double, inputGradient: Double, weightGradient: Double

  /// The least time, in seconds, that inference takes for a network of this many forward FLOPs.
  public func inferenceFloor(flops: Double) -> Double { flops / forward }
  /// The least time, in seconds, of a forward and backward pass.
  public func trainingFloor(flops: Double) -> Double { flops / forward + flops / inputGradient + flops / weightGradient }

  /// Runs each convolution of a network, forward and both gradients, `rounds` times and takes the fastest round of each.
  /// - Parameters:
  ///   - shapes: the network's convolutions, repeated as often as they occur.
  ///   - dtype: of images and weights, float32 or bfloat16; the layout is channels-last.
  public static func measure(_ shapes: [ConvolutionShape], dtype: DType, rounds: Int = 5) throws(TorchFault) -> ConvolutionRate {
    try withExactConvolutions { () throws(TorchFault) in
      try withoutGradient { () throws(TorchFault) in try measured(shapes, dtype, rounds) }
    }
  }

  private static func measured(_ shapes: [ConvolutionShape], _ dtype: DType, _ rounds: Int) throws(TorchFault) -> ConvolutionRate {
    var forward = 0.0, input = 0.0, weight = 0.0, flops = 0.0
    var known: [ConvolutionShape: Times] = [:]
    for shape in shapes {
      let times: Times
      if let seen = known[shape] { times = seen } else { times = try Times(of: shape, dtype, rounds) }
      known[shape] = times
      flops += shape.flops
      forward += times.forward
      input += times.input
      weight += times.weight
    }
    return ConvolutionRate(forward: flops / forward, inputGradient: flops / input, weightGradient: flops / weight)
  }

  /// The times of one convolution, in seconds.
  private struct Times {
    let forward: Double, input: Double, weight: Double

    init(of s: ConvolutionShape, _ dtype: DType, _ rounds: Int) throws(TorchFault) {
      let random = Generator(seed: 0)
      let x = Tensor.randn([s.images, s.inputs, s.height, s.width], using: random).to(dtype).channelsLast()
      let w = Tensor.randn([s.outputs, s.inputs, s.kernel, s.kernel], using: random).to(dtype).channelsLast()
      let y = try x.conv2d(w, stride: s.stride, padding: s.padding).validated()
      forward = try Self.fastest(rounds) { x.conv2d(w, stride: s.stride, padding: s.padding) }
      input = try Self.fastest(rounds) { y.conv2dInputGradient(x, w, stride: s.stride, padding: s.padding) }
      weight = try Self.fastest(rounds) { y.conv2dWeightGradient(x, w, stride: s.stride, padding: s.padding) }
    }

    private static func fastest(_ rounds: Int, _ body: () -> Tensor) throws(TorchFault) -> Double {
      var best = Double.infinity
      for _ in 0...rounds {  // one more than requested: the first warms up
        let clock = ContinuousClock(), start = clock.now
        try body().validated()
        best = Swift.min(best, (clock.now - start) / .seconds(1))
      }
      return best
    }
  }
}

extension Tensor {
  /// The gradient of a convolution's input; self is the gradient of its output.
  func conv2dInputGradient(_ x: Tensor, _ weight: Tensor, stride: Int, padding: Int) -> Tensor {
    Tensor.apply("conv2dInputGradient", [self, x, weight]) {
      ct_conv2d_input_gradient($0[0], $0[1], $0[2], Int64(stride), Int64(padding))
    }
  }

  /// The gradient of a convolution's weight; self is the gradient of its output.
  func conv2dWeightGradient(_ x: Tensor, _ weight: Tensor, stride: Int, padding: Int) -> Tensor {
    Tensor.apply("conv2dWeightGradient", [self, x, weight]) {
      ct_conv2d_weight_gradient($0[0], $0[1], $0[2], Int64(stride), Int64(padding))
    }
  }
}
