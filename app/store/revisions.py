"""The revisions of the schema that this version of Pressrelay knows, and the schemas that it may work with.

A revision is a migration. Its number is the beginning of its file name. It declares at its head what it is:

    kind = "expand" old code may run beside it. It runs by itself, before the new code kind = "contract" removes what only old code
    needs. It runs later, when an operator starts it oldest = "0029" code that knows this revision, or a later one, may run beside
    it; older code must be gone. Each contract has it

A version of the code is named by the newest revision that it knows. Migrations are not imported here: a process that needs no upgrade
starts half a second sooner.
"""

import re
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

VERSIONS = Path(__file__).parent / "migrations" / "versions"
DECLARED = re.compile(r'^(kind|oldest) = "(\w+)"(?:  # .*)?$', re.MULTILINE)
BACKFILL = re.compile(r"^def backfill\(", re.MULTILINE)

Kind = Literal["expand", "contract"]


class Revision(Struct, frozen=True):
    """One migration."""

    number: str
    kind: Kind
    oldest: str  # the oldest code that may run beside it; empty: what could run before
    backfills: bool  # whether it has rows to be filled in the background
    path: Path


class History(Struct, frozen=True):
    """The migrations of one version of Pressrelay, in their order."""

    revisions: tuple[Revision, ...]
    newest: str  # the last of them
    needs: str  # the oldest schema that this version can work with: the last expand

    def known(self, number: str) -> bool:
        """Whether the revision is one of these."""
        return any(revision.number == number for revision in self.revisions)

    def after(self, number: str) -> list[Revision]:
        """The revisions that a database at revision `number` does not have; empty: it has none."""
        return [revision for revision in self.revisions if revision.number > number]

    def oldest(self, number: str) -> str:
        """The oldest code that may run beside the schema of that revision."""
        return max((revision.oldest for revision in self.revisions if revision.number <= number), default="")

    def misfit(self, schema: str, oldest: str) -> str:
        """Why this version may not work with a database, in one sentence or two; empty if it may. `schema`: the database's revision.
        `oldest`: the oldest code that may run beside it, as the database says."""
        if oldest > self.newest:
            return f"{_found(schema, 'a newer version', self.newest)} Start that version."
        if self.known(schema):
            return "" if schema >= self.needs else f"{_found(schema, 'an older version', self.needs)} {RUN_UPGRADE}"
        if schema > self.newest:
            if oldest:
                return ""
            return f"{_found(schema, 'a newer version', self.newest)} Start that version."
        first = self.revisions[0].number
        return (
            f"{_found(schema, 'an older version', self.newest)} Upgrade it to schema {first} first,"
            f" with the last version that made schema {first}."
        )


RUN_UPGRADE = "Run `pressrelay db upgrade`."


def _found(schema: str, whose: str, needed: str) -> str:
    return f"The database has schema {schema} of {whose} of Pressrelay; this version needs schema {needed}."


def history(*directories: Path) -> History:
    """The migrations in these directories. Raises ValueError if one does not declare what it is."""
    paths = sorted((path for folder in directories for path in folder.glob("[0-9]*.py")), key=lambda path: path.name)
    revisions = tuple(_read(path) for path in paths)
    needs = [revision.number for revision in revisions if revision.kind == "expand"]
    return History(revisions, revisions[-1].number, needs[-1])


def _read(path: Path) -> Revision:
    text = path.read_text("utf-8")
    declared = dict(DECLARED.findall(text))
    kind, oldest = declared.get("kind", ""), declared.get("oldest", "")
    if kind not in ("expand", "contract") or (kind == "contract" and not oldest):
        raise ValueError(f'{path.name} must declare kind = "expand", or kind = "contract" and oldest = "…".')
    return Revision(path.name[:4], cast(Kind, kind), oldest, BACKFILL.search(text) is not None, path)


OURS = history(VERSIONS)
