"""One detector per file behind one Protocol (``base.Branch``). Imports ml.media, ml.models,
ml.explain and ml.weights; nothing of fusion."""
