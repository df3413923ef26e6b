"""A small OpenID Connect provider on this machine: real HTTP, real codes, real signatures.

It knows one person and asks her nothing. A code works once, for its client and PKCE challenge only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "dfd", "a secret between site and provider"
PERSON = {
    "sub": "person-7",
    "preferred_username": "dora",
    "email": "dora@example.org",
    "email_verified": True,
}


class _Handler(BaseHTTPRequestHandler):
    """Discovery, authorisation, token, keys and userinfo (OpenID Connect Core 1.0)."""

    key: ClassVar[rsa.RSAPrivateKey]
    codes: ClassVar[dict[str, dict[str, str]]]
    tokens: ClassVar[set[str]]

    @property
    def issuer(self) -> str:
        return f"http://{self.headers['Host']}"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        if address.path == "/.well-known/openid-configuration":
            self._answer(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "jwks_uri": f"{self.issuer}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        elif address.path == "/authorize" and query.get("client_id") == CLIENT:
            code = secrets.token_urlsafe()
            self.codes[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()
        elif address.path == "/keys":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            self._answer({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]})
        elif address.path == "/userinfo" and self._bearer() in self.tokens:
            self._answer(PERSON)
        else:
            self._answer({"error": "invalid_request"}, 400)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body))
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("client_secret") != SECRET or not _fits(asked, form):
            self._answer({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {**PERSON, "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60}
        token = secrets.token_urlsafe()
        self.tokens.add(token)
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})
        self._answer({"access_token": token, "token_type": "Bearer", "id_token": signed})

    def _bearer(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
        pass


def _fits(asked: dict[str, str], form: dict[str, str]) -> bool:
    """The code goes to where it was asked for, and to who made the challenge (RFC 7636)."""
    if asked["redirect_uri"] != form.get("redirect_uri"):
        return False
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return asked.get("code_challenge", made) == made


@contextmanager
def running_provider() -> Iterator[str]:
    """A provider that answers until the block ends; its address."""
    handler = type(
        "Handler",
        (_Handler,),
        {"key": rsa.generate_private_key(65537, 2048), "codes": {}, "tokens": set()},
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
