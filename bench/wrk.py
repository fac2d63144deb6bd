"""Runs wrk, a load generator: https://github.com/wg/wrk. It sends prepared requests in turn and reports the results as JSON."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from msgspec import Struct

from bench.processes import HOST

THREADS, CONNECTIONS = 2, 32

# Each thread starts at a different request. If all were in step, each would only get feeds that another has just made hot.
SCRIPT = """
local requests = {}
local at = 0
local started = 0
function setup(thread)
  thread:set("first", started)
  started = started + 1
end
function init(args)
  for part in io.open(args[1], "rb"):read("*a"):gmatch("(.-)%z") do requests[#requests + 1] = part end
  at = math.floor(#requests * first / tonumber(args[2]))
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"failed":%d,"refused":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, e.status))
end
"""


class Load(Struct, frozen=True):
    """The results of wrk."""

    requests: int
    micros: int
    bytes: int  # bytes of heads and bodies
    p50: int  # microseconds from a request to the end of its answer
    p99: int
    failed: int  # requests without an answer
    refused: int  # answers with status 400 and above

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.micros * 1e6


def missing() -> str:
    """The reason why wrk cannot run; empty if it can."""
    return "" if shutil.which("wrk") else "wrk is not installed: apt-get install wrk"


def load(port: int, requests: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Load:
    """Send these requests in turn on persistent connections for so many seconds. Raises RuntimeError if one fails or is refused."""
    with NamedTemporaryFile(suffix=".lua") as script, NamedTemporaryFile() as file:
        Path(script.name).write_text(SCRIPT)
        Path(file.name).write_bytes(b"".join(request + b"\0" for request in requests))
        threads = min(THREADS, connections)
        command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{max(1, round(seconds))}s"]
        command += ["--timeout", "10s", "-s", script.name, f"http://{HOST}:{port}/", "--", file.name, str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), "")
    if done.returncode or not line:
        raise RuntimeError(f"wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    seen = msgspec.convert(json.loads(line[5:]), Load)
    if seen.failed or seen.refused or not seen.requests:
        raise RuntimeError(f"{seen.failed} of {seen.requests} requests failed and {seen.refused} were refused.")
    return seen
