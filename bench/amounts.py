"""How much is done. Quick amounts show that everything works, and nothing else."""

from msgspec import Struct


class Amounts(Struct, frozen=True):
    """Of all parts; each figure is the median of its rounds."""

    rounds: int = 3
    small: int = 10_000  # articles in the smaller archive
    large: int = 1_000_000  # and in the larger
    page: int = 50  # articles of a feed
    # ingest
    single: int = 500  # releases of one article, each round and kind
    batches: int = 10  # releases of 100
    # serve
    seconds: int = 4  # of load, each
    grid: int = 18  # regions, and topics, of the feeds that are all hot
    kinds: tuple[str, ...] = ("200", "gzip", "304")  # of answers of hot feeds
    many: int = 20_000  # feeds
    many_articles: int = 20_000  # that they are made of
    # scale
    cold: int = 300  # requests
    anew: int = 40  # of each format
    hot_feeds: int = 1_000
    keep: str = ""  # directory of the loaded archives; empty: they are removed
    # the rest
    pushes: int = 300  # until every worker has them
    imported: tuple[int, int] = (3_000, 30_000)  # articles of the smaller and of the larger archive that is imported
    embargoed: int = 1_000  # articles of one release, until one instant
    subscribers: int = 1_000
    told: int = 10  # pushes that they are told, each round and kind
    others: int = 100_000  # subscriptions of other feeds


QUICK = Amounts(
    rounds=1,
    small=100,
    large=400,
    page=10,
    single=20,
    batches=1,
    seconds=1,
    grid=3,
    kinds=("200",),
    many=100,
    many_articles=100,
    cold=10,
    anew=2,
    hot_feeds=20,
    pushes=10,
    imported=(50, 200),
    embargoed=50,
    subscribers=20,
    told=2,
    others=200,
)
