"""The store: the only SQL. `put` writes, `find` reads; every function takes the engine and raises Unavailable."""

from app.store.discover import block, blocks, crossed, names_in_use
from app.store.engine import Engine, connect, upgrade
from app.store.files import FileRecord, files_of, public_files, wanted
from app.store.find import (
    Kept,
    Ref,
    by_id,
    changes_after,
    documents,
    find,
    instance,
    newest_change,
    newest_seq,
    next_due,
    original,
    standing,
    withdrawn,
)
from app.store.keys import Keys, keys
from app.store.log import Entry, changed_since, log
from app.store.members import Edited, edited, last_edited
from app.store.offices import all_offices, new_token, office_of, save_office
from app.store.put import Change, Item, Original, Stored, content, lift, micros, public_at, put
from app.store.saved import all_saved, remove_feed, save_feed, saved_feed
from app.store.search import words as search_words
from app.store.sources import Source, all_sources, claim_source, record_pull, remove_source, save_source
from app.store.translations import translations_of

__all__ = [
    "Change",
    "Edited",
    "Engine",
    "Entry",
    "FileRecord",
    "Item",
    "Kept",
    "Keys",
    "Original",
    "Ref",
    "Source",
    "Stored",
    "all_offices",
    "all_saved",
    "all_sources",
    "block",
    "blocks",
    "by_id",
    "changed_since",
    "changes_after",
    "claim_source",
    "connect",
    "content",
    "crossed",
    "documents",
    "edited",
    "files_of",
    "find",
    "instance",
    "keys",
    "last_edited",
    "lift",
    "log",
    "micros",
    "names_in_use",
    "new_token",
    "newest_change",
    "newest_seq",
    "next_due",
    "office_of",
    "original",
    "public_at",
    "public_files",
    "put",
    "record_pull",
    "remove_feed",
    "remove_source",
    "save_feed",
    "save_office",
    "save_source",
    "saved_feed",
    "search_words",
    "standing",
    "translations_of",
    "upgrade",
    "wanted",
    "withdrawn",
]
