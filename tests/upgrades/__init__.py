"""Migrations of a version to come, for the tests of upgrades: an expand with a backfill, an index, and a contract."""

from pathlib import Path

from app.store.revisions import OURS, VERSIONS, History, history

HERE = Path(__file__).parent


def add_to(folder: Path, *names: str) -> Path:
    """Put these migrations, or all, into a directory, after the newest of this version; returns the directory."""
    folder.mkdir(exist_ok=True)
    for path in sorted(HERE.glob("9*.py")):
        if not names or path.stem in names:
            (folder / path.name).write_text(path.read_text().replace('"LAST"', f'"{OURS.newest}"'))
    return folder


def toy_history(folder: Path, *names: str) -> History:
    """The migrations of this version and the toy ones."""
    return history(VERSIONS, add_to(folder / "toys", *names))
