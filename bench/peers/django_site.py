"""Django's syndication framework, without and with its cache: https://docs.djangoproject.com/en/5.2/ref/contrib/syndication/"""

import os
from datetime import datetime
from typing import Any

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_PEER"], "CONN_MAX_AGE": None}
    },
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # it sets Content-Length
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    USE_TZ=True,
)
django.setup()

from django.contrib.syndication.views import Feed  # noqa: E402 -- settings come first
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.feedgenerator import Rss201rev2Feed  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

from bench.peers import at_once  # noqa: E402


class Article(models.Model):
    """A press release."""

    guid = models.TextField(primary_key=True)
    url = models.TextField()
    headline = models.TextField()
    summary = models.TextField()
    body = models.TextField()
    published = models.DateTimeField()
    terms = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "article"
        managed = False


class WithContent(Rss201rev2Feed):
    """RSS with the full text of each article, which Django does not include by default."""

    def rss_attributes(self) -> dict[str, str]:
        return {**super().rss_attributes(), "xmlns:content": "http://purl.org/rss/1.0/modules/content/"}

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content:encoded", item["body"])


class Articles(Feed):
    """The newest fifty articles."""

    feed_type = WithContent
    title = description = "보도자료"
    link = "https://press.example.org/"
    item_guid_is_permalink = False

    def items(self) -> models.QuerySet[Article]:
        return Article.objects.order_by("-published")[:50]

    def item_title(self, item: Article) -> str:
        return item.headline

    def item_description(self, item: Article) -> str:
        return item.summary

    def item_link(self, item: Article) -> str:
        return item.url

    def item_guid(self, item: Article) -> str:
        return item.guid

    def item_pubdate(self, item: Article) -> datetime:
        return item.published

    def item_categories(self, item: Article) -> list[str]:
        return item.terms.split("\n")

    def item_extra_kwargs(self, item: Article) -> dict[str, str]:
        return {"body": item.body}


urlpatterns = [path("feed.rss", Articles()), path("cached/feed.rss", cache_page(3600)(Articles()))]
app = get_wsgi_application()
lists = at_once(app)
