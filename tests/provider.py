"""A small provider of OpenID Connect over HTTP: discovery, keys, the code flow with PKCE, and userinfo. It signs with joserfc. It
does something wrong only if a test asks for it."""

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwk, jwt

from app.accounts.passkeys import base64url

CLIENT, SECRET = "pressrelay", "a secret: of + the client"


class Provider:
    """Signs in whoever `claims` says, at once. Threads may share it; a test changes it between requests."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.server = ThreadingHTTPServer((host, 0), _handler(self))
        self.issuer = f"http://{host}:{self.server.server_port}"
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "1"})
        self.claims: dict[str, Any] = {}
        self.again: dict[str, str] = {}  # code -> the query of the request that got it
        self.asked: list[dict[str, str]] = []  # the queries of all requests for codes
        # What it does wrong.
        self.discovery: dict[str, Any] = {}  # members of its document
        self.answers: dict[str, tuple[int, bytes]] = {}  # path -> status and body instead of the right ones
        self.claimed: dict[str, Any] = {}  # claims of the ID token
        self.signed: Callable[[dict[str, Any]], str] = self.sign
        self.back: dict[str, str] = {}  # parameters with which the browser is sent back
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def right(self) -> None:
        """Do everything right from now on."""
        self.discovery, self.answers, self.claimed, self.back = {}, {}, {}, {}
        self.signed = self.sign

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def respond(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, bytes, dict[str, str]]:
        if path in self.answers:
            return (*self.answers[path], {})
        if path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            urls = {name: f"{self.issuer}/{name.partition('_')[0]}" for name in names}
            return self.said({"issuer": self.issuer, **urls, **self.discovery})
        if path == "/jwks":
            return self.said({"keys": [self.key.as_dict(private=False), {"kty": "strange"}]})
        if path == "/authorization":
            self.asked.append(query)
            code = token_urlsafe(16)
            self.again[code] = json.dumps(query)
            sent = {"code": code, "state": query["state"], **self.back}
            return 302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(sent)}"}
        if path == "/userinfo":
            return self.said({**self.claims, "sub": self.claims["sub"]})
        return self.token(query, headers) if path == "/token" else (404, b"", {})

    def token(self, sent: dict[str, str], headers: Any) -> tuple[int, bytes, dict[str, str]]:
        held = json.loads(self.again.pop(sent.get("code", ""), "{}"))
        id, _, secret = b64decode(headers["Authorization"].partition(" ")[2]).decode().partition(":")
        proof = base64url(sha256(sent["code_verifier"].encode()).digest())
        known = (unquote_plus(id), unquote_plus(secret)) == (CLIENT, SECRET) and held.get("client_id") == CLIENT
        if not known or proof != held["code_challenge"] or sent["redirect_uri"] != held["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}', {}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 60, "iat": now, "nonce": held["nonce"]}
        if "max_age" in held:
            claims["auth_time"] = now
        claims |= self.claims | self.claimed
        signed = self.signed({name: value for name, value in claims.items() if value is not None})
        return self.said({"access_token": "opaque", "token_type": "Bearer", "id_token": signed})

    def said(self, members: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps(members).encode(), {"Content-Type": "application/json"}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def answer(self, query: str) -> None:
            sent = {name: values[0] for name, values in parse_qs(query).items()}
            status, body, headers = provider.respond(urlsplit(self.path).path, sent, self.headers)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
