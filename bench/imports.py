"""Measures `pressrelay import --backfill`: the whole command, for a directory of files with one article, into an empty database."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure
from bench.processes import ROOT
from bench.releases import OFFICE, document, samples
from bench.server import prepared

RATE = 3_500.0  # articles a second


def imports(amounts: Amounts, say: Say) -> list[Figure]:
    """Articles a second, processor time and memory, for a larger directory compared with a smaller one."""
    rates: dict[int, list[float]] = {size: [] for size in amounts.imported}
    sizes: dict[int, list[float]] = {size: [] for size in amounts.imported}
    spent: dict[int, list[float]] = {size: [] for size in amounts.imported}
    with TemporaryDirectory(prefix="pressrelay-bench-") as directory:
        for size in amounts.imported:
            say(f"import, writing {size:,} files")
            (Path(directory) / str(size)).mkdir()
            write_archive(Path(directory, str(size)), size)
        for number in range(amounts.rounds):
            for size in amounts.imported:
                say(f"import, {size:,} articles, round {number + 1}")
                seconds, memory, processor = imported(Path(directory, str(size)))
                spent[size].append(processor * 1000 / size)
                rates[size].append(size / seconds)
                sizes[size].append(memory)
    small, large = amounts.imported
    peer = f"{small:,} files"
    what, target = f"import {large:,} files", Target(RATE)
    return [
        figure("import", what, "articles/s", rates[large], target=target, peer=peer, peer_runs=rates[small]),
        figure("import", "processor time of an article", "ms", spent[large], peer=peer, peer_runs=spent[small]),
        figure("import", "memory of its largest process", "MiB", sizes[large], peer=peer, peer_runs=sizes[small]),
    ]


def write_archive(directory: Path, size: int) -> None:
    """Write so many files of one article, a thousand in each folder."""
    for part in samples(size, "import"):
        folder = directory / f"{part.number // 1_000:04}"
        folder.mkdir(exist_ok=True)
        (folder / f"{part.number:07}.xml").write_bytes(document([part]))


def imported(archive: Path) -> tuple[float, float, float]:
    """Seconds that an import takes, MiB of its largest process, and seconds of processor time of all of them. Raises RuntimeError if
    it fails."""
    with prepared() as ready:
        command = [sys.executable, "-m", "app.cli", "import", str(archive), "--office", OFFICE.code, "--backfill"]
        log = Path(ready.settings.data_dir, "import.log")
        start = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=ready.environ, stdout=output, stderr=output)
        try:
            # Only wait4 reports the memory and the processor time, of the process and of the children that it waited for. getrusage(2)
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # for example Ctrl-C
            process.kill()
            raise
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"The import ended with {process.returncode}:\n{log.read_text()}")
        return taken, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
