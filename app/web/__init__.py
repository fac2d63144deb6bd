"""The web server: access, limits, the fast lane, and the code that routes share. Requests are read only here.

The routes import from here what they share.
"""

from app.accounts.offices import OfficeRecord, Sender
from app.accounts.people import may_invite, principal
from app.accounts.rights import Principal
from app.deliveries import restraint, smtp
from app.desk import content as contents
from app.desk import work
from app.errors import Elsewhere, Fault, Problem, Unavailable
from app.intake import releases
from app.query import Cursor, Query, Values, parse
from app.syndication import page
from app.syndication.texts import feed_title, name, text, title_language
from app.web import (
    access,
    assets,
    counting,
    delta,
    differing,
    embargoed,
    guessing,
    html,
    limits,
    openid,
    parameters,
    places,
    previewing,
    proof,
    protection,
    representation,
    seats,
    sending,
    sessions,
)
from app.web.alerting import alert_of
from app.web.body import body_parts, check_type, drain, no_body, whole_body
from app.web.context import Context, here
from app.web.differing import shown_fields
from app.web.fastlane import KeptFeed, may_keep
from app.web.feed import pairs_of, respond
from app.web.forms import fields, members, whole_form
from app.web.html import article_page, form_sent, html_page, html_wanted, language, links, sentence, when
from app.web.parameters import known, meant, only, reason
from app.web.previewing import as_format, as_mail, bare
from app.web.published import (
    PAGE,
    PUBLIC_ID,
    TYPES,
    data,
    kept_public,
    linked,
    located,
    number_of,
    original,
    public_version,
    unknown,
    unknown_version,
)
from app.web.question import question_here, question_of_saved
from app.web.rendering import Rendering, key_of
from app.web.representation import CACHE_CONTROL, IDENTITY, etag_of, media_type, whole
from app.web.seats import (
    LINK_HOURS,
    Seat,
    article_at,
    colleagues,
    draft_at,
    draft_page,
    named_by,
    number_sent,
    seat_at,
    seats_of,
    sentences,
)
from app.web.sessions import Visit, own_page, signed_in
from app.web.signing_in import gone, page_with_ways, prove_page, sign_in_page

__all__ = [
    "CACHE_CONTROL",
    "IDENTITY",
    "LINK_HOURS",
    "PAGE",
    "PUBLIC_ID",
    "TYPES",
    "Context",
    "Cursor",
    "Elsewhere",
    "Fault",
    "KeptFeed",
    "OfficeRecord",
    "Principal",
    "Problem",
    "Query",
    "Rendering",
    "Seat",
    "Sender",
    "Unavailable",
    "Values",
    "Visit",
    "access",
    "alert_of",
    "article_at",
    "article_page",
    "as_format",
    "as_mail",
    "assets",
    "bare",
    "body_parts",
    "check_type",
    "colleagues",
    "contents",
    "counting",
    "data",
    "delta",
    "differing",
    "draft_at",
    "draft_page",
    "drain",
    "embargoed",
    "etag_of",
    "feed_title",
    "fields",
    "form_sent",
    "gone",
    "guessing",
    "here",
    "html",
    "html_page",
    "html_wanted",
    "kept_public",
    "key_of",
    "known",
    "language",
    "limits",
    "linked",
    "links",
    "located",
    "may_invite",
    "may_keep",
    "meant",
    "media_type",
    "members",
    "name",
    "named_by",
    "no_body",
    "number_of",
    "number_sent",
    "only",
    "openid",
    "original",
    "own_page",
    "page",
    "page_with_ways",
    "pairs_of",
    "parameters",
    "parse",
    "places",
    "previewing",
    "principal",
    "proof",
    "protection",
    "prove_page",
    "public_version",
    "question_here",
    "question_of_saved",
    "reason",
    "releases",
    "representation",
    "respond",
    "restraint",
    "seat_at",
    "seats",
    "seats_of",
    "sending",
    "sentence",
    "sentences",
    "sessions",
    "shown_fields",
    "sign_in_page",
    "signed_in",
    "smtp",
    "text",
    "title_language",
    "unknown",
    "unknown_version",
    "when",
    "whole",
    "whole_body",
    "whole_form",
    "work",
]
