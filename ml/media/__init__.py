"""From a file to ``PreparedMedia``: probe, decode in a sandbox, faces, speech, quality gates.
Imports ml.result and ml.errors only."""
