"""How much each part measures. The quick amounts only show that everything works."""

from msgspec import Struct


class Simulated(Struct, frozen=True):
    """The size of a simulation."""

    feeds: int  # that are polled
    pushes: int  # in each round
    rounds: int  # in each, all pollers poll all feeds a few times
    subscribers: int  # webhooks, and as many WebSub subscribers


class Amounts(Struct, frozen=True):
    """The amounts of all parts. Each figure is the median of its rounds."""

    rounds: int = 3
    small: int = 10_000  # articles in the smaller archive
    large: int = 1_000_000  # articles in the larger archive
    page: int = 50  # articles on a page of a feed
    # ingest
    single: int = 500  # releases of one article, for each round and number of clients
    batches: int = 10  # releases of 100 articles, for each round
    # serve
    seconds: int = 4  # seconds of load for each measurement
    grid: int = 18  # regions, and topics, whose feeds are all hot
    kinds: tuple[str, ...] = ("200", "gzip", "304")  # kinds of answers of hot feeds
    many: int = 20_000  # feeds that are read in turn
    many_articles: int = 20_000  # articles in these feeds
    # scale
    cold: int = 300  # requests for feeds that are in no cache, for each round
    anew: int = 40  # requests for feeds that are rendered again, for each round and format
    hot_feeds: int = 1_000  # feeds that each worker has in memory
    keep: str = ""  # directory in which the loaded archives stay; empty: they are removed
    # change, storm
    changes: int = 10  # pushes, for each round; after each, every feed that it changes is requested
    storm: tuple[int, ...] = (0, 1, 10, 50)  # pushes a second
    # freshness, import, embargo, push
    pushes: int = 300  # pushes whose arrival in every worker is measured, for each round
    imported: tuple[int, int] = (3_000, 30_000)  # articles in the smaller and in the larger imported archive
    embargoed: int = 1_000  # articles of one release under embargo until the same instant
    subscribers: int = 1_000
    delivered: int = 10  # pushes that are delivered to subscribers, for each round and kind
    others: int = 100_000  # subscriptions of other feeds
    # desk
    desk: int = 100_000  # articles of the office
    pages: int = 50  # requests for each page, for each round
    # counting
    counted: int = 200_000  # polls, for each round
    # costs
    costed_archive: int = 4_000  # articles in the archive before the measurement
    costed_feeds: int = 6  # feeds with short and with long texts
    costed_pushes: int = 200  # pushes of each length
    costed_subscribers: int = 100  # webhooks, and WebSub subscribers
    costed_readers: int = 10  # readers who get mails
    costed_rounds: int = 6  # renderings of each feed, and pushes to each kind of subscribers
    costed_answers: int = 6_000  # hot answers of each kind
    costed_idle: float = 5.0  # seconds in which an idle server is watched
    costed_databases: tuple[str, ...] = ("sqlite", "postgresql")
    costs_file: str = ""  # file that gets all costs; empty: none
    # plan
    simulated: tuple[Simulated, ...] = (Simulated(20, 10, 4, 100), Simulated(100, 50, 4, 300))


QUICK = Amounts(
    costed_archive=100,
    costed_feeds=3,
    costed_pushes=60,
    costed_subscribers=40,
    costed_readers=3,
    costed_rounds=2,
    costed_answers=600,
    costed_idle=4.0,
    costed_databases=("sqlite",),
    simulated=(Simulated(6, 12, 2, 60), Simulated(24, 24, 2, 120)),
    counted=20_000,
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
    changes=2,
    storm=(5,),
    hot_feeds=20,
    pushes=10,
    imported=(50, 200),
    embargoed=50,
    subscribers=20,
    delivered=2,
    others=200,
    desk=200,
    pages=3,
)
