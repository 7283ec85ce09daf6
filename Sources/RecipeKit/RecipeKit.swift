// RecipeKit
