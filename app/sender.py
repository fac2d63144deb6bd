"""The sending side of a push: an HTTP client that retries when that can help, and a journal of the documents that were accepted."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from app.errors import Misconfigured

TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds
AGAIN = (408, 429, 500, 502, 503, 504)  # statuses for which a retry can help
LONGEST_WAIT = 60.0  # seconds between two tries


OCTETS = "application/octet-stream"
XML, JSON = "application/xml", "application/json"
BLANK = b" \t\r\n\xef\xbb\xbf"

# (method, URL, headers, body) -> headers that sign them (app/accounts/signatures.py)
Signing = Callable[[str, str, Mapping[str, str], bytes], dict[str, str]]


class PushAnswer(Struct, frozen=True):
    """The server's answer, or the reason why there is none."""

    status: int  # 0: no answer
    members: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether the server has every article of the document, from this push or an earlier one."""
        return self.status in (200, 201)


class PushClient:
    """One server and one token; safe to share between threads."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        retries: int = 5,
        stop: threading.Event | None = None,
        signing: Signing | None = None,
    ) -> None:
        """`signing` makes the headers that sign a request. With it, the token may be empty."""
        self.url = url.rstrip("/")
        self.token = token
        self.signing = signing
        self.retries = retries
        self.stop = stop or threading.Event()
        try:
            self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)
            httpx.URL(self.url)
        except (httpx.InvalidURL, ValueError) as error:
            raise Misconfigured(f"{url} is not a valid URL of a server: {error}.") from None

    def push(self, body: bytes, enclosures: Sequence[Path] = (), *, dry_run: bool = False) -> PushAnswer:
        """Send one document with its files. A push may be repeated: the server stores nothing twice."""
        wait = 0.5
        for attempt in range(self.retries + 1):
            answer, retry_after = self._once(body, enclosures, dry_run)
            if answer.status and answer.status not in AGAIN:
                return answer
            if attempt == self.retries or self.stop.wait(min(retry_after or wait, LONGEST_WAIT)):
                break
            wait *= 2
        return answer

    def _once(self, body: bytes, enclosures: Sequence[Path], dry_run: bool) -> tuple[PushAnswer, float]:
        """(the answer, the seconds that the server asks to wait)."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        # The server tells the dialects apart by the documents themselves.
        type = JSON if body.lstrip(BLANK)[:1] in (b"{", b"[") else XML
        params = {"dry_run": "1"} if dry_run else {}
        url = f"{self.url}/releases"
        try:
            with ExitStack() as opened:
                # The server finds the type from the bytes, and knows more types than this machine's tables.
                if enclosures:
                    files = [
                        ("file", (path.name, opened.enter_context(path.open("rb")), OCTETS)) for path in enclosures
                    ]
                    release = ("release", ("release", BytesIO(body), type))
                    request = self._http.build_request(
                        "POST", url, files=[release, *files], headers=headers, params=params
                    )
                else:
                    headers["Content-Type"] = type
                    request = self._http.build_request("POST", url, content=body, headers=headers, params=params)
                if self.signing:
                    # A new signature for each try: each can be used only once.
                    whole = request.read()
                    signed = {"Content-Type": request.headers["Content-Type"]}
                    request.headers.update(self.signing("POST", str(request.url), signed, whole))
                response = self._http.send(request)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return PushAnswer(0, {"title": f"{self.url} does not answer", "detail": str(error)}), 0.0
        try:
            members = response.json()
        except ValueError:
            members = None
        if not isinstance(members, dict):
            members = {"title": "The answer is not JSON. Is this a Pressrelay server?", "status": response.status_code}
        after = response.headers.get("Retry-After", "")
        return PushAnswer(response.status_code, members), float(after) if after.isdigit() else 0.0

    def close(self) -> None:
        self._http.close()


class Journal:
    """The documents that the server accepted, one line for each, so that an interrupted push continues where it stopped.

    A line that a crash left incomplete is ignored: its file is sent again, which does no harm.
    """

    def __init__(self, path: Path | None, client: PushClient) -> None:
        self._salt = f"{client.url}\0{hashlib.sha256(client.token.encode()).hexdigest()}\0".encode()
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._file = None
        if path is None:
            return
        try:
            if path.exists():
                self._known = {line for line in path.read_text("ascii", "replace").splitlines() if len(line) == 64}
            self._file = path.open("a", encoding="ascii")
        except OSError as error:
            raise Misconfigured(f"The journal {path} cannot be written: {error.strerror or error}.") from None
        self._file.write("\n")  # ends an incomplete line

    def _key(self, body: bytes) -> str:
        return hashlib.sha256(self._salt + body).hexdigest()

    def has(self, body: bytes) -> bool:
        """Whether this server accepted these bytes with this token."""
        return self._key(body) in self._known

    def add(self, body: bytes) -> None:
        if self._file is not None:
            with self._lock:
                self._file.write(self._key(body) + "\n")
                self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
