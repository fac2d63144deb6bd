"""The sending side of a push: an HTTP client that tries again where that can help, and remembers what was acknowledged."""

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
AGAIN = (408, 429, 500, 502, 503, 504)  # what a later try may change
LONGEST_WAIT = 60.0  # seconds between two tries


OCTETS = "application/octet-stream"

# (method, URL, headers, body) -> headers that sign them (app/accounts/signatures.py)
Signing = Callable[[str, str, Mapping[str, str], bytes], dict[str, str]]


class Answer(Struct, frozen=True):
    """What the server said, or why it could not be asked."""

    status: int  # 0: no answer
    members: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether every article of the document is stored there, now or before."""
        return self.status in (200, 201)


class Client:
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
        """`signing` makes the headers that sign a request; then the token may be empty."""
        self.url = url.rstrip("/")
        self.token = token
        self.signing = signing
        self.retries = retries
        self.stop = stop or threading.Event()
        try:
            self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)
            httpx.URL(self.url)
        except (httpx.InvalidURL, ValueError) as error:
            raise Misconfigured(f"{url} is not the URL of a server: {error}.") from None

    def push(self, body: bytes, enclosures: Sequence[Path] = (), *, dry_run: bool = False) -> Answer:
        """Send one document, with the files that go with it. A push may be repeated: the server stores nothing twice."""
        wait = 0.5
        for attempt in range(self.retries + 1):
            answer, asked = self._once(body, enclosures, dry_run)
            if answer.status and answer.status not in AGAIN:
                return answer
            if attempt == self.retries or self.stop.wait(min(asked or wait, LONGEST_WAIT)):
                break
            wait *= 2
        return answer

    def _once(self, body: bytes, enclosures: Sequence[Path], dry_run: bool) -> tuple[Answer, float]:
        """(the answer, seconds that the server asks to wait)."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        params = {"dry_run": "1"} if dry_run else {}
        url = f"{self.url}/releases"
        try:
            with ExitStack() as opened:
                # The server looks at the bytes, and knows types that this machine's tables do not.
                if enclosures:
                    files = [
                        ("file", (path.name, opened.enter_context(path.open("rb")), OCTETS)) for path in enclosures
                    ]
                    release = ("release", ("release.xml", BytesIO(body), "application/xml"))
                    request = self._http.build_request(
                        "POST", url, files=[release, *files], headers=headers, params=params
                    )
                else:
                    headers["Content-Type"] = "application/xml"
                    request = self._http.build_request("POST", url, content=body, headers=headers, params=params)
                if self.signing:
                    # Anew for each try: a signature can be used once.
                    whole = request.read()
                    said = {"Content-Type": request.headers["Content-Type"]}
                    request.headers.update(self.signing("POST", str(request.url), said, whole))
                response = self._http.send(request)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Answer(0, {"title": f"{self.url} does not answer", "detail": str(error)}), 0.0
        try:
            members = response.json()
        except ValueError:
            members = None
        if not isinstance(members, dict):
            members = {"title": "The answer is not JSON: is this a Pressrelay server?", "status": response.status_code}
        after = response.headers.get("Retry-After", "")
        return Answer(response.status_code, members), float(after) if after.isdigit() else 0.0

    def close(self) -> None:
        self._http.close()


class Journal:
    """What was acknowledged, a line each, so that a push that was cut off goes on where it stopped.

    A line that was torn by a crash is no line: its file is sent again, which does no harm.
    """

    def __init__(self, path: Path | None, client: Client) -> None:
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
        self._file.write("\n")  # ends a line that was torn

    def _key(self, body: bytes) -> str:
        return hashlib.sha256(self._salt + body).hexdigest()

    def has(self, body: bytes) -> bool:
        """Whether these bytes were acknowledged by this server for this token."""
        return self._key(body) in self._known

    def add(self, body: bytes) -> None:
        if self._file is not None:
            with self._lock:
                self._file.write(self._key(body) + "\n")
                self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
