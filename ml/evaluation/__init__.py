"""Protocols, metrics and figures that say how good a detector is. Imports ml.fusion and below."""
