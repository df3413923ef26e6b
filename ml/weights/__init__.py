"""The registry of named weights and the weight files themselves (safetensors).
Imports ml.errors only."""
