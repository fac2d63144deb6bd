"""What each feed contains: its entries, the search in them, the articles that left them, and saved feeds. It imports no other
subject."""

from app.store.changes import Ref
from app.store.feeds.amounts import amounts_of, amounts_since, monthly, newest_of_offices
from app.store.feeds.discover import block, blocks, crossed, keys_of, names_in_use
from app.store.feeds.glancing import Count, Glance, glance
from app.store.feeds.gone import withdrawn
from app.store.feeds.saved import all_saved, remove_feed, save_feed, saved_feed
from app.store.feeds.scan import Dated, Standing, dated, standing, waiting
from app.store.feeds.search import found as search_found
from app.store.feeds.search import words as search_words

__all__ = [
    "Count",
    "Dated",
    "Glance",
    "Ref",
    "Standing",
    "all_saved",
    "amounts_of",
    "amounts_since",
    "block",
    "blocks",
    "crossed",
    "dated",
    "glance",
    "keys_of",
    "monthly",
    "names_in_use",
    "newest_of_offices",
    "remove_feed",
    "save_feed",
    "saved_feed",
    "search_found",
    "search_words",
    "standing",
    "waiting",
    "withdrawn",
]
