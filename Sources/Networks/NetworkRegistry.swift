import RecipeKit

/// Every network that makes images from noise alone, by the name that stands under `type:` in a recipe.
public enum NetworkRegistry: RecipeRegistry {
  public typealias Member = any NetworkRecipe
  public static let all: [any NamedRecipe.Type] = [
    ADMUNet.Recipe.self, NiceUNet.Recipe.self, ContextUNet.Recipe.self, UNet2DModel.Recipe.self, SimpleDiffusionUNet.Recipe.self,
    DiT.Recipe.self,
  ]
}

/// Every network that is also given a degraded picture, by the name that stands under `type:` in a recipe.
public enum RestoringNetworkRegistry: RecipeRegistry {
  public typealias Member = any RestoringRecipe
  public static let all: [any NamedRecipe.Type] = [SuperResolutionUNet.Recipe.self, RestorationUNet.Recipe.self]
}

/// Every network that can be trained: those that sample from noise alone, and those that are also given a degraded picture. The
/// registries are apart because sampling, benchmarks and conversion handle only the former.
public enum TrainableNetworkRegistry: RecipeRegistry {
  public typealias Member = any NetworkRecipe
  public static let all: [any NamedRecipe.Type] = NetworkRegistry.all + RestoringNetworkRegistry.all
}

/// Every classifier of noisy images, by the name that stands under `type:` in a recipe.
public enum ClassifierRegistry: RecipeRegistry {
  public typealias Member = any ClassifierRecipe
  public static let all: [any NamedRecipe.Type] = [EncoderClassifier.Recipe.self]
}

/// Every upscaler, by the name that stands under `type:` in a recipe.
public enum UpscalerRegistry: RecipeRegistry {
  public typealias Member = any UpscalerRecipe
  public static let all: [any NamedRecipe.Type] = [RRDBNet.Recipe.self, SRVGGNetCompact.Recipe.self]
}
