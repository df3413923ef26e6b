"""receive_webhooks.py PORT: print each event that is signed, fresh and new.

DFD_SECRET is the secret of the web hook.
"""

import os
import sys
from collections import deque
from http.server import BaseHTTPRequestHandler, HTTPServer

from dfd_client import InvalidSignature, verify_webhook

SEEN: deque[str] = deque(maxlen=100_000)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = verify_webhook(
                os.environ["DFD_SECRET"], self.headers.get("DFD-Signature", ""), body
            )
        except InvalidSignature:
            self.send_error(400)
            return
        if event["id"] not in SEEN:
            SEEN.append(event["id"])
            print(event["type"], event["subject"]["id"], flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
