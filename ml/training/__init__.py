"""Data sets, augmentation and training loops. Imports nothing of Django; may import ml.media,
ml.models, ml.weights, ml.evaluation."""
