"""Articles, their versions and their changes. Writing one also writes its feed entries and its deliveries."""

from app.store.articles.decide import Decision, EndedHold, Item, content, decide, end_hold, public_at
from app.store.articles.files import FileRecord, files_of, public_files, waiting_files, wanted
from app.store.articles.find import StoredArticle, briefs, by_id, documents, newest, next_due, office_of, sizes
from app.store.articles.history import (
    Provenance,
    Version,
    VersionEntry,
    corrected,
    history,
    original,
    provenance,
    public_version,
    version_list,
)
from app.store.articles.lift import DueArticle, lift, make_ready
from app.store.articles.log import (
    ChangeEntry,
    changed_since,
    changes_after,
    log,
    mark_before,
    newest_change,
    newest_seq,
)
from app.store.articles.members import Edited, edited, last_edited
from app.store.articles.put import Original, Writer, foresee, writer
from app.store.articles.state import State, states, stood, waiting_states
from app.store.articles.translations import translations_of

__all__ = [
    "ChangeEntry",
    "Decision",
    "DueArticle",
    "Edited",
    "EndedHold",
    "FileRecord",
    "Item",
    "Original",
    "Provenance",
    "State",
    "StoredArticle",
    "Version",
    "VersionEntry",
    "Writer",
    "briefs",
    "by_id",
    "changed_since",
    "changes_after",
    "content",
    "corrected",
    "decide",
    "documents",
    "edited",
    "end_hold",
    "files_of",
    "foresee",
    "history",
    "last_edited",
    "lift",
    "log",
    "make_ready",
    "mark_before",
    "newest",
    "newest_change",
    "newest_seq",
    "next_due",
    "office_of",
    "original",
    "provenance",
    "public_at",
    "public_files",
    "public_version",
    "sizes",
    "states",
    "stood",
    "translations_of",
    "version_list",
    "waiting_files",
    "waiting_states",
    "wanted",
    "writer",
]
