"""What is sent: to WebSub subscribers the changed articles as a document of their topic, to webhooks each article by itself."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.accounts.rights import ROLES, Principal
from app.announce import synced
from app.context import Context
from app.deliveries.matching import stands, within
from app.errors import Problem, Unavailable, Unfit
from app.query import query as queries
from app.query.query import Query, rfc3339
from app.store import Job, State, Subscription, Waiting
from app.syndication import embargoed, page
from feeds import FORMATS, TELLS, embargo, newsml, ninjs, press_release
from feeds.article import Article, Withdrawn

SIGNATURES = ("sha256", "sha384", "sha512")
DOCUMENTS = {  # a webhook's format -> media type
    "json": "application/json; charset=utf-8",
    "ninjs": ninjs.MIMETYPE,
    "newsml": newsml.ITEM_MIMETYPE,
    "xml": press_release.MIMETYPE,
}
EVENTS = {"embargoed": "embargoed", "lapsed": "canceled"}  # kind of a row -> what a webhook calls it, where it differs


class Refusal(Exception):
    """Whoever subscribed may not read it any more; the message says why."""


class Parcel(Struct, frozen=True):
    """One request to a subscriber, and which rows it delivers. Without a document there is nothing to send."""

    seqs: tuple[int, ...]
    id: str = ""  # the same at every attempt
    content_type: str = ""
    body: bytes = b""
    event: str = ""  # of a webhook
    link: str = ""


class Pack(Struct, frozen=True):
    """What a job is to send, in its order, and the rows for which nothing is: a later one has the article, or it is not theirs."""

    parcels: tuple[Parcel, ...]
    replaced: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    rows: tuple[Waiting, ...] = ()
    states: dict[int, State] = {}  # of a mail's articles


class Packer:
    """Makes packs. A document is made once for all subscribers of a topic that are told the same."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._made: dict[tuple[str, tuple[int, ...]], tuple[Parcel, tuple[int, ...]]] = {}
        self._states: dict[int, State] = {}

    def pack(self, jobs: Sequence[Job]) -> dict[int, Pack | Exception]:
        """By subscription; a Refusal, or what went wrong. Raises Unavailable."""
        self._made.clear()
        synced(self.context.cache, self.context.engine)
        nums = {row.num for job in jobs if not job.subscription.embargoed for row in job.rows}
        self._states = store.states(self.context.engine, nums)
        packs: dict[int, Pack | Exception] = {}
        for job in jobs:
            try:
                packs[job.subscription.id] = self._pack(job)
            except Problem as problem:  # of its query: a code table changed, say
                packs[job.subscription.id] = Refusal(problem.detail or problem.title)
            except Unfit as error:  # The database will refuse the same question next time as well.
                packs[job.subscription.id] = Refusal(str(error))
            except Unavailable:
                raise
            except Exception as error:  # Refusal too. One that fails holds up nobody else.
                packs[job.subscription.id] = error
        return packs

    def _pack(self, job: Job) -> Pack:
        one, rows = job.subscription, _tried(job)
        if one.kind == "email":
            return self._mail(one, rows)
        if one.kind == "websub":
            if one.embargoed:
                parcel, dropped = self._embargoed_feed(one, rows)
            else:
                key = one.topic, tuple(row.seq for row in rows)
                if key not in self._made:
                    self._made[key] = self._feed(one, rows)
                parcel, dropped = self._made[key]
            named = replace(parcel, id=delivery_id(one, rows)) if rows else parcel
            return Pack((named,) if parcel.body else (), dropped=dropped)
        return self._hooks(one, rows)

    def reader(self, one: Subscription) -> Principal:
        """Whom a subscription to what is under embargo stands for. Raises Refusal, Unavailable."""
        return reader(self.context, one)

    # The feed of a topic

    def _feed(self, one: Subscription, rows: Sequence[Waiting]) -> tuple[Parcel, tuple[int, ...]]:
        query = recalled(one)
        newest, left, _ = self._parted(query, rows)
        gone = [_withdrawn(state) for state in left]
        context, hub = self.context, page.hub(self.context)
        shown: list[State] = sorted(newest, key=lambda state: (state.sort or 0, state.num), reverse=True)
        articles = tuple(state.article for state in shown)
        seqs = tuple(row.seq for row in rows)
        if not articles and not gone:
            return Parcel(seqs), seqs
        if all(_tells(one.format, state) for state in left):
            made = page.shown(context, query, one.topic, articles, {}, tuple(gone))
        else:  # What left is told by what is still there.
            made, _ = page.feed(context, query, one.format)
        module = FORMATS[one.format]
        body = module.render(replace(made, hub=hub))
        return Parcel(seqs, "", module.MIMETYPE, body, link=links(hub, one.topic)), ()

    def _parted(self, query: Query, rows: Sequence[Waiting]) -> tuple[list[State], list[State], tuple[int, ...]]:
        """Of these rows the articles that are in the feed now, those that left it, and the rows that were none of it."""
        last = {row.num: row for row in rows}  # each article once, as it is now
        found = {num: state for num in last if (state := self._states.get(num)) is not None}
        there = {num for num, state in found.items() if state.public and stands(query, state.keys)}
        there = {num for num in there if within(query, found[num])}
        if query.words:
            there &= store.search_found(self.context.engine, query.words, there)
        others = found.keys() - there
        axes = store.stood(self.context.engine, [row.seq for row in rows if row.num in others]) if others else {}
        left = {
            row.num for row in rows if row.num in others and any(stands(query, keys) for keys in axes.get(row.seq, ()))
        }
        left = {num for num in left if not (query.words or query.since or query.until) or not found[num].public}
        # A change that only brought it was overtaken by one that took it away: both are told as that.
        dropped = tuple(row.seq for row in rows if row.num not in there and row.num not in left)
        return [found[num] for num in last if num in there], [found[num] for num in last if num in left], dropped

    def _embargoed_feed(self, one: Subscription, rows: Sequence[Waiting]) -> tuple[Parcel, tuple[int, ...]]:
        context, query = self.context, recalled(one)
        principal, waits, left = self._readable(one, query, rows)
        seqs = tuple(row.seq for row in rows)
        if not waits and not left:
            return Parcel(seqs), seqs
        gone = tuple(map(_withdrawn, left))
        articles = [state.article for state in waits]
        made = embargoed.feed(context, query, one.format, articles, {}, gone)
        embargoed.record(context.engine, principal, articles, f"push feed.{one.format}")
        module = FORMATS[one.format]
        return Parcel(seqs, "", module.MIMETYPE, module.render(made), link=links(made.hub, one.topic)), ()

    def _readable(
        self, one: Subscription, query: Query, rows: Sequence[Waiting]
    ) -> tuple[Principal, list[State], list[State]]:
        """Who reads it, what of these rows waits, and what waited and was withdrawn. Raises Refusal."""
        principal = reader(self.context, one)
        found = store.waiting_states(self.context.engine, {row.num for row in rows})
        mine = [
            state
            for state in found.values()
            if not state.public and stands(query, state.keys) and embargoed.lets(principal, state.article)
        ]
        mine.sort(key=lambda state: (state.at, state.num), reverse=True)
        lapsed = {row.num for row in rows if row.kind == "lapsed"}
        waits = [state for state in mine if state.pubstatus == "usable"]
        return principal, waits, [state for state in mine if state.pubstatus != "usable" and state.num in lapsed]

    # An article for a webhook

    def _hooks(self, one: Subscription, rows: Sequence[Waiting]) -> Pack:
        query = recalled(one)
        last = {row.num: row.seq for row in rows}
        replaced = tuple(row.seq for row in rows if last[row.num] != row.seq)
        newest = [row for row in rows if last[row.num] == row.seq]
        if one.embargoed:
            principal, waits, gone = self._readable(one, query, rows)
            embargoed.record(self.context.engine, principal, [state.article for state in waits], f"push {one.format}")
            dropped: tuple[int, ...] = ()
        else:
            waits, gone, dropped = self._parted(query, rows)
        states = {state.num: state for state in (*waits, *gone)}
        leaves = {state.num for state in gone}
        parcels = []
        for row in newest:
            state = states.get(row.num)
            if state is None:
                continue
            event = EVENTS.get(row.kind, row.kind)
            if row.num in leaves:
                event = state.pubstatus if state.pubstatus != "usable" else "left"
            elif event not in ("published", "corrected", "embargoed"):
                event = "published"  # it came back
            id = delivery_id(one, [row])
            body = self._document(one, state, event, left=row.num in leaves)
            parcels.append(Parcel((row.seq,), id, DOCUMENTS[one.format], body, event))
        sent = {seq for parcel in parcels for seq in parcel.seqs}
        dropped = tuple(row.seq for row in newest if row.seq not in sent)
        return Pack(tuple(parcels), replaced, dropped)

    def _document(self, one: Subscription, state: State, event: str, *, left: bool) -> bytes:
        """Of what left no text is told."""
        if left and one.format == "json":
            return _payload(event, state.at, _withdrawn(state))
        article = _bare(state) if left else state.article
        if one.embargoed and not left:
            article = embargo.noted(article) if one.format in ("json", "xml") else embargo.marked(article, one.format)
        return article_document(one.format, article, event, state.at)

    # A mail

    def _mail(self, one: Subscription, rows: Sequence[Waiting]) -> Pack:
        waits, gone, _ = self._parted(recalled(one), rows)
        states = {state.num: state for state in (*waits, *gone)}
        last = {row.num: row.seq for row in rows}
        replaced = tuple(row.seq for row in rows if last[row.num] != row.seq and row.num in states)
        dropped = tuple(row.seq for row in rows if row.num not in states)
        seqs = tuple(row.seq for row in rows if row.num in states and last[row.num] == row.seq)
        return Pack((Parcel(seqs, delivery_id(one, rows)),) if seqs else (), replaced, dropped, tuple(rows), states)


def article_document(format: str, article: Article | None, event: str, at: datetime) -> bytes:
    """An article as a webhook sends it: in JSON a payload of Standard Webhooks, else the article in that format. Nothing where there
    is none."""
    if format == "json":
        return _payload(event, at, article)
    render = {"ninjs": ninjs.render_article, "newsml": newsml.render_article, "xml": press_release.render_article}
    return b"" if article is None else render[format](article)


def _payload(event: str, at: datetime, data: Article | Withdrawn | None) -> bytes:
    type = event if event == "test" else f"article.{event}"
    return msgspec.json.encode({"type": type, "timestamp": rfc3339(at), "data": data})


def _tried(job: Job) -> Sequence[Waiting]:
    """The rows of this delivery, without what came since."""
    return [row for row in job.rows if row.seq <= job.last] or job.rows


def _tells(format: str, state: State) -> bool:
    """Whether a document of that format can say that this article left."""
    if state.public:
        return TELLS.get(format, False)
    return format in TELLS and (state.pubstatus == "canceled" or format != "ninjs")


def _withdrawn(state: State) -> Withdrawn:
    article = state.article
    canceled = state.pubstatus == "canceled"
    return Withdrawn(
        id=article.id,
        guid=article.guid,
        at=state.at,
        canceled=canceled,
        version=state.version if canceled else 0,
        note=article.note if canceled else "",
        office=article.office,
        lang=article.lang,
        withheld=not canceled and not state.public,
    )


def _bare(state: State) -> Article:
    """The article without what it said: for formats that tell a withdrawal as a version of it."""
    article = state.article
    status = state.pubstatus if state.pubstatus != "usable" else "canceled"
    note = article.note if status == "canceled" and state.pubstatus == "canceled" else ""
    return replace(
        article,
        pubstatus=status,
        version=state.version,
        updated=state.at,
        subheadlines=(),
        summary=article.office.name,
        headline=article.office.name,
        body="",
        text="",
        keywords=(),
        contacts=(),
        enclosures=(),
        related=(),
        byline="",
        dateline="",
        slugline="",
        source="",
        note=note,
    )


def recalled(one: Subscription) -> Query:
    """The query of a subscription, as it was when it was kept."""
    pairs = parse_qsl(one.query, keep_blank_values=True)
    offices = [value for name, value in pairs if name.endswith("office")]
    query = queries.parse(pairs, offices)
    return replace(query, saved=queries.Saved(one.saved, one.query)) if one.saved else query


def reader(context: Context, one: Subscription) -> Principal:
    """Whom a subscription to what is under embargo stands for now. Raises Refusal, Unavailable."""
    principal: Principal | None = None
    if one.token:
        token = store.token_by_id(context.engine, one.token)
        if token is None or token.state(datetime.now(UTC)) != "valid":
            raise Refusal("The token that subscribed is no longer valid.")
        principal = embargoed.principal_of(context.engine, token)
    elif one.outlet:
        outlet = next((found for found in store.all_outlets(context.engine) if found.code == one.outlet), None)
        if outlet is not None:
            offices = store.all_offices(context.engine) if outlet.offices else []
            wanted = set(outlet.offices)
            limited = tuple(found.code for found in offices if wanted & {found.code, *found.above})
            principal = Principal(f"outlet {outlet.code}", "outlet", ROLES["outlet"], outlet=outlet, offices=limited)
    if principal is None or not embargoed.may(principal):
        raise Refusal("Who subscribed may not read under embargo any more.")
    return principal


def links(hub: str, topic: str) -> str:
    """One Link header of both (W3C WebSub, section 7)."""
    return f'<{hub}>; rel="hub", <{topic}>; rel="self"'


def delivery_id(one: Subscription, rows: Sequence[Waiting]) -> str:
    """What a delivery is called, at each attempt the same, and never the same for other content: its stamps are random, while
    a database that was put back to an older state gives its numbers again."""
    return f"msg_{hashlib.blake2b(delivery_words(one, rows).encode(), digest_size=12).hexdigest()}"


def delivery_words(one: Subscription, rows: Sequence[Waiting]) -> str:
    """What names a delivery: who is told, and the first and the last of its rows."""
    stamps = [f":{row.stamp}" for row in (rows[0], rows[-1]) if row.stamp]
    return f"{one.name}:{rows[0].seq}:{rows[-1].seq}{''.join(stamps)}"


def hub_signature(method: str, secret: str, body: bytes) -> str:
    """X-Hub-Signature (W3C WebSub, section 8)."""
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


def webhook_signature(secret: str, id: str, seconds: int, body: bytes) -> str:
    """webhook-signature, version 1: https://www.standardwebhooks.com/ (specification, "Signature scheme")."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((id.encode(), str(seconds).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
