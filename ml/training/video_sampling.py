"""Which frames of a clip are trained on. Imports nothing, so that landmarks.py can share it."""

SAMPLED_FPS = 8
FRAMES_PER_CLIP = 128
