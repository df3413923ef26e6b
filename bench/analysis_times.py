"""How long does an analysis take on this machine, stage by stage?

    python bench/analysis_times.py FILE... [--repeat 3] [--profile standard] [--device auto]

Loads the detector once, analyses each file ``--repeat`` times and prints one JSON line per file:
seconds of the fastest run and of each of its stages.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ml.detector import DeepfakeDetector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--profile", default="standard")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    start = time.perf_counter()
    detector = DeepfakeDetector(device=options.device, profile=options.profile)
    print(json.dumps({"load_s": round(time.perf_counter() - start, 2)}), flush=True)
    for path in options.files:
        print(json.dumps(measure(detector, path, options.repeat)), flush=True)


def measure(detector: DeepfakeDetector, path: Path, repeat: int) -> dict[str, object]:
    """The fastest of ``repeat`` runs, in seconds, whole and by stage."""
    best, stages = float("inf"), {}
    for _ in range(repeat):
        start = time.perf_counter()
        result = detector.analyze(path).result
        elapsed = time.perf_counter() - start
        if elapsed < best:
            best, stages = elapsed, result.provenance.timings_s
    return {
        "file": path.name,
        "duration_s": result.media.duration_s,
        "device": result.provenance.device,
        "seconds": round(best, 3),
        "stages": {name: round(seconds, 3) for name, seconds in stages.items()},
    }


if __name__ == "__main__":
    main()
