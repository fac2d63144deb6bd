"""Flask and feedgen without a cache: each request reads SQLite and renders the feed, as https://feedgen.kiesow.be/ shows."""

import os
import sqlite3
from datetime import datetime
from email.utils import format_datetime

import feedgen.entry
import feedgen.feed
from feedgen.feed import FeedGenerator
from flask import Flask, Response

# For every date, feedgen sets the locale of the whole process, which fails with threads. This gives the same bytes without that.
feedgen.feed.formatRFC2822 = feedgen.entry.formatRFC2822 = format_datetime

app = Flask(__name__)


@app.get("/feed.rss")
def feed() -> Response:
    """The newest fifty articles."""
    generator = FeedGenerator()
    generator.title("보도자료")
    generator.link(href="https://press.example.org/", rel="alternate")
    generator.description("보도자료")
    database = sqlite3.connect(os.environ["BENCH_PEER"])
    try:
        rows = database.execute(
            "SELECT guid, url, headline, summary, body, published, terms FROM article ORDER BY published DESC LIMIT 50"
        ).fetchall()
    finally:
        database.close()
    for guid, url, headline, summary, body, published, terms in rows:
        entry = generator.add_entry(order="append")
        entry.id(guid)
        entry.title(headline)
        entry.link(href=url)
        entry.description(summary)
        entry.content(body, type="CDATA")
        entry.published(datetime.fromisoformat(published))
        for term in terms.split("\n"):
            entry.category(term=term)
    return Response(generator.rss_str(), mimetype="application/rss+xml")
