import Tensors

/// A sampler's memory that holds tensors of the images' shape. Taken out and put back, they can lie on disk between two steps, and each part
/// of a picture can be stepped separately. What has no such tensors need not conform.
public protocol SamplerMemory {
  /// `[N, C, H, W]` each, in an order that depends on the steps taken alone.
  var tensors: [Tensor] { get }
  /// The same memory with these tensors, as many, in place of its own.
  func replacing(_ tensors: [Tensor]) -> Self
}

extension MultistepMemory: SamplerMemory {
  public var tensors: [Tensor] { estimates.map(\.value) }

  public func replacing(_ tensors: [Tensor]) -> MultistepMemory {
    var memory = self
    memory.replaceValues(tensors)
    return memory
  }
}

extension UniPC.Memory: SamplerMemory {
  public var tensors: [Tensor] { past.tensors + (start.map { [$0.x] } ?? []) }

  public func replacing(_ tensors: [Tensor]) -> UniPC.Memory {
    let estimates = past.tensors.count
    return UniPC.Memory(
      past: past.replacing(Array(tensors.prefix(estimates))), start: start.map { (tensors[estimates], $0.order) })
  }
}

extension PNDM.Memory: SamplerMemory {
  public var tensors: [Tensor] { past }
  public func replacing(_ tensors: [Tensor]) -> PNDM.Memory { PNDM.Memory(past: tensors) }
}
