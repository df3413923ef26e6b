"""What made a score: class activation maps, timelines, occlusion, sentences from numbers.
Imports ml.result and ml.media."""
