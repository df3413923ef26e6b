"""The confined process that parses one hostile file: ``python -m ml.media.sandbox_child``.

Arguments: descriptor of the file, descriptor of the shared memory, decode plan as JSON. The
limits are applied before the parsers are imported.
"""

from __future__ import annotations

import json
import os
import sys

from ml.media.confinement import confine, end_with_parent


def main(arguments: list[str]) -> int:
    """Decode and answer through the shared memory; the exit status is 0 when it was written."""
    source, memory = int(arguments[0]), int(arguments[1])
    request = json.loads(arguments[2])
    limits = request["limits"]
    missing = confine(limits["address_space_bytes"], limits["cpu_s"], limits["output_bytes"])
    end_with_parent()

    from dataclasses import replace

    from ml.errors import MediaCode, MediaError
    from ml.media.credentials import read_credentials
    from ml.media.decode import decode
    from ml.media.exchange import write_decoded, write_error
    from ml.media.plan import DecodePlan

    try:
        with os.fdopen(source, "rb") as stream:
            plan = DecodePlan.from_dict(request)
            decoded = decode(stream, plan)
            if plan.credentials:
                found = read_credentials(stream, decoded.facts, plan.trust_anchors)
                decoded = replace(decoded, credentials=found)
        if missing:
            words = f"decoder without: {', '.join(missing)} (this system refuses it)"
            decoded = replace(decoded, transforms=(*decoded.transforms, words))
        write_decoded(memory, decoded)
    except MediaError as error:
        write_error(memory, error)
    except MemoryError:
        write_error(
            memory,
            MediaError(MediaCode.TOO_LARGE, "Decoding this file needs more memory than allowed."),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
