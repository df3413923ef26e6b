"""nn.Modules only: one paper, one file. Imports torch and nothing else of the project."""
