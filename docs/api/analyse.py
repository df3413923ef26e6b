"""analyse.py RECORDING FOLDER: finding, report and bundle, into FOLDER.

DFD_URL and DFD_KEY say where and as whom.
"""

import os
import sys
from pathlib import Path

from dfd_client import Client


def main(recording: str, folder: Path) -> None:
    with Client(os.environ["DFD_URL"], os.environ["DFD_KEY"]) as dfd:
        case = dfd.create_case("From a program")
        exhibit = dfd.upload(recording, case["id"], acquisition={"source": "the example"})
        analysis = dfd.wait(dfd.analyse(exhibit["id"])["id"])
        if analysis["status"] != "complete":
            sys.exit(f"the analysis is {analysis['status']}")
        print(dfd.finding(analysis["id"])["verdict"])

        for ordered in (dfd.order_report(analysis["id"], "html"), dfd.order_bundle(case["id"])):
            export = dfd.wait_for_export(ordered["id"])
            print(dfd.download_export(export["id"], folder / str(export["filename"])))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
