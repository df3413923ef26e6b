"""From branch logits to one finding: calibration, likelihood ratios, strategies, decision.
Imports ml.result, ml.errors and ml.weights."""
