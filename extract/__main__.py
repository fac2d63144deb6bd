"""The process that reads one file: `python -m extract TYPE < FILE` prints an `Extracted` as JSON; `python -m extract TYPE DIRECTORY
< FILE` recognises a press release, saves its pictures in the directory, and prints a `Recognised`.

Before it reads the file, it limits its own processor time, memory and output, and gives up the network if the kernel allows that. All
limits are hard limits, which a process cannot raise again.
"""

import ctypes
import importlib
import resource
import signal
import sys
import warnings
from pathlib import Path

import msgspec

from extract import MOST_PARTS, MOST_TEXT, Block, Extracted, Unreadable
from extract.recognised import Recognised

READERS = {
    "application/hwp+zip": "extract.hwpx",
    "application/x-hwp": "extract.hwp",
    "application/pdf": "extract.pdf",
    "text/plain": "extract.plain",
}
# Of documents that may be a press release: its layout, as module and function.
LAYOUTS = {
    "application/hwp+zip": ("extract.layout_hwpx", "lay_out"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("extract.layout_docx", "lay_out"),
    "application/pdf": ("extract.layout_pdf", "lay_out"),
    "application/x-hwp": ("extract.layout_lines", "lay_out_hwp"),
    "text/plain": ("extract.layout_lines", "lay_out_text"),
}
CPU_SECONDS = 3
MEMORY = 512 * 1024 * 1024  # bytes of address space
MOST_OUTPUT = 16 * 1024 * 1024  # bytes
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def confine() -> None:
    """Give up the resources that this process does not need."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)  # an empty network; some kernels refuse, which is ignored
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
    """The content of the file on standard input."""
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
        return Extracted(problem="Reading it took more memory than allowed.")
    except RecursionError:
        return Extracted(problem="It is nested too deeply.")
    return Extracted(tuple(blocks))


def press_release(mimetype: str, pictures: Path) -> Recognised:
    """The press release in the file on standard input; its pictures are saved in a directory."""
    from extract.form import recognised_form
    from extract.layout import plain_of, weight_of

    module, function = LAYOUTS[mimetype]
    try:
        layout, album = getattr(importlib.import_module(module), function)(sys.stdin.buffer, pictures)
        if (
            sum(map(weight_of, layout.pieces)) > MOST_PARTS
            or sum(len(plain_of(piece)) for piece in layout.pieces) > MOST_TEXT
        ):
            return Recognised(problem="large")
        return recognised_form(layout, album)
    except Unreadable as error:
        return Recognised(problem=error.key)
    except (MemoryError, RecursionError):
        return Recognised(problem="large")


def main() -> None:
    """Confine the process, then read the file. Even the libraries are loaded under the limits."""
    confine()
    warnings.simplefilter("ignore")
    mimetype, *directory = sys.argv[1:]
    answer: Extracted | Recognised
    try:
        answer = press_release(mimetype, Path(directory[0])) if directory else extract(mimetype)
    except ImportError:
        reason = "The server has no reader for this type installed."
        answer = Recognised(problem="no-reader") if directory else Extracted(problem=reason)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
