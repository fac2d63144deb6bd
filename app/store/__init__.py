"""The store: the only SQL. `put` writes, `find` reads; every function takes the engine and raises Unavailable."""

from app.store.audit import Event, append, records, verify
from app.store.audit import Record as AuditRecord
from app.store.discover import block, blocks, crossed, names_in_use
from app.store.engine import Engine, connect, upgrade
from app.store.files import FileRecord, files_of, public_files, waiting_files, wanted
from app.store.find import (
    Kept,
    by_id,
    changes_after,
    documents,
    instance,
    newest,
    newest_change,
    newest_seq,
    next_due,
    secret,
)
from app.store.gone import withdrawn
from app.store.history import Provenance, Version, corrected, history, original, provenance, public_version
from app.store.instants import micros
from app.store.keys import Keys, keys
from app.store.lift import Ready, Released, lift, make_ready, release
from app.store.log import Entry, changed_since, log
from app.store.members import Edited, edited, last_edited
from app.store.offices import all_offices, save_office
from app.store.order import Change
from app.store.outlets import all_outlets, remove_outlet, save_outlet
from app.store.put import Item, Original, Stored, content, foresee, public_at, put
from app.store.saved import all_saved, remove_feed, save_feed, saved_feed
from app.store.scan import Ref, find, standing, waiting
from app.store.search import words as search_words
from app.store.signing import KeyRecord, add_key, all_keys, key_of, revoke_key, spend
from app.store.sources import Source, all_sources, claim_source, record_pull, remove_source, save_source
from app.store.tokens import TokenRecord, all_tokens, new_token, revoke_token, token_of, used
from app.store.translations import translations_of

__all__ = [
    "AuditRecord",
    "Change",
    "Edited",
    "Engine",
    "Entry",
    "Event",
    "FileRecord",
    "Item",
    "Kept",
    "KeyRecord",
    "Keys",
    "Original",
    "Provenance",
    "Ready",
    "Ref",
    "Released",
    "Source",
    "Stored",
    "TokenRecord",
    "Version",
    "add_key",
    "all_keys",
    "all_offices",
    "all_outlets",
    "all_saved",
    "all_sources",
    "all_tokens",
    "append",
    "block",
    "blocks",
    "by_id",
    "changed_since",
    "changes_after",
    "claim_source",
    "connect",
    "content",
    "corrected",
    "crossed",
    "documents",
    "edited",
    "files_of",
    "find",
    "foresee",
    "history",
    "instance",
    "key_of",
    "keys",
    "last_edited",
    "lift",
    "log",
    "make_ready",
    "micros",
    "names_in_use",
    "new_token",
    "newest",
    "newest_change",
    "newest_seq",
    "next_due",
    "original",
    "provenance",
    "public_at",
    "public_files",
    "public_version",
    "put",
    "record_pull",
    "records",
    "release",
    "remove_feed",
    "remove_outlet",
    "remove_source",
    "revoke_key",
    "revoke_token",
    "save_feed",
    "save_office",
    "save_outlet",
    "save_source",
    "saved_feed",
    "search_words",
    "secret",
    "spend",
    "standing",
    "token_of",
    "translations_of",
    "upgrade",
    "used",
    "verify",
    "waiting",
    "waiting_files",
    "wanted",
    "withdrawn",
]
