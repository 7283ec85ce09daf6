// The umbrella: `import Sfumato` brings everything that a program needs.
@_exported import Archives
@_exported import Checkpoints
@_exported import Datasets
@_exported import Diffusion
@_exported import Failures
@_exported import Imaging
@_exported import Interop
@_exported import Metrics
@_exported import Models
@_exported import NN
@_exported import Networks
@_exported import RecipeKit
@_exported import Tensors
@_exported import Training
@_exported import Workflows
