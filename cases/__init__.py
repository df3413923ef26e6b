"""Cases, their members, evidence intake, the evidence store and custody.

May import ``audit`` and ``accounts``; knows nothing of detectors.
"""
