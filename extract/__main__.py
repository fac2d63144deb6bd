"""The process that reads one file: `python -m extract TYPE < FILE` prints an `Extracted` as JSON.

It bounds itself before it looks at the file: processor time, memory, what it may write, and, where the kernel grants it, no
network. All limits are hard ones, which a process cannot raise again.
"""

import contextlib
import ctypes
import importlib
import resource
import signal
import sys
import warnings

import msgspec

from extract import MOST_PARTS, MOST_TEXT, Block, Extracted, Unreadable

READERS = {
    "application/hwp+zip": "extract.hwpx",
    "application/x-hwp": "extract.hwp",
    "application/pdf": "extract.pdf",
    "text/plain": "extract.plain",
}
CPU_SECONDS = 3
MEMORY = 512 * 1024 * 1024  # bytes of address space
MOST_OUTPUT = 16 * 1024 * 1024  # bytes
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def confine() -> None:
    """Take away from this process what it does not need."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)  # an empty network; refused by some kernels, and then done without
    limits = {
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: MOST_OUTPUT,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


def extract(mimetype: str) -> Extracted:
    """What the file on standard input says."""
    reader = importlib.import_module(READERS[mimetype])
    blocks: list[Block] = []
    left, parts = MOST_TEXT, MOST_PARTS
    try:
        for block in reader.read(sys.stdin.buffer):
            left -= len(block.text) + sum(len(cell.text) for row in block.rows for cell in row)
            parts -= 1 + len(block.rows) + sum(map(len, block.rows))
            if left < 0 or parts < 0:
                return Extracted(tuple(blocks), cut=True)
            blocks.append(block)
    except Unreadable as error:
        return Extracted(problem=str(error))
    except MemoryError:
        return Extracted(problem="It takes more memory than is given.")
    except RecursionError:
        return Extracted(problem="It is nested too deeply.")
    return Extracted(tuple(blocks))


def main() -> None:
    """Confined first: even the libraries are loaded under the limits."""
    confine()
    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError):
        answer = msgspec.json.encode(extract(sys.argv[1]))
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    sys.stdout.buffer.write(msgspec.json.encode(Extracted(problem="No reader for this type is installed here.")))


if __name__ == "__main__":
    main()
