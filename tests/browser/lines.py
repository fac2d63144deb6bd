"""Every page, one line each. A page without a line fails tests/browser/test_pages.py.

`{name}` in a path is a value of the site (tests/browser/conftest.py). `do`: what a person does on the page before the check, for
pages that only a form leads to. `main`: the element that the keyboard must reach; by default the first button or link.
"""

from collections.abc import Callable

from msgspec import Struct
from playwright.sync_api import Page

MAIN = "main :is(button, a)"
# After this, Tab begins at the top of the page again.
AT_TOP = "() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex') }"
LEAKED = "누구도 쓰지 않은 글 한 줄"


class Line(Struct, frozen=True):
    """A page in one state."""

    endpoint: str
    path: str
    who: str = ""  # "admin" is signed in, "token" shows a token
    status: int = 200
    main: str = MAIN
    do: Callable[[Page], object] | None = None
    name: str = ""  # tells states of one page apart


def send(button: str = "main form button", **fields: str) -> Callable[[Page], None]:
    """Fill the fields in and press a button, without the browser's own checks."""

    def do(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"main [name={name}]").first.fill(value)
        page.locator("main form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
        with page.expect_navigation():
            page.locator(button).first.click()

    return do


def check(page: Page) -> None:
    """Check a file that has a fault in its second line."""
    body = b'<release xmlns="urn:pressrelay:press-release:1">\n<article version="x"/>\n</release>'
    page.locator("main [type=file]").set_input_files({"name": "release.xml", "mimeType": "text/xml", "buffer": body})
    with page.expect_navigation():
        page.locator("main form button").first.click()


def pressed(then: str) -> Callable[[Page], None]:
    """Press one of the buttons that save the form."""

    def do(page: Page) -> None:
        with page.expect_navigation():
            page.locator(f"main button[value={then}]").click()

    return do


def renewed(page: Page) -> None:
    """Ask for a renewal without a reason."""
    page.locator("main summary").last.click()
    send('[action$="renewal"] button', why="")(page)


def in_place(then: str, shown: str) -> Callable[[Page], None]:
    """Press one of the buttons that change a part of the form, and wait for what the part shows then; Tab begins at the top again."""

    def do(page: Page) -> None:
        page.locator(f"main button[value={then}]").click()
        page.locator(shown).wait_for()
        page.evaluate(AT_TOP)

    return do


def opened(page: Page) -> None:
    """Open the map and the tree; Tab begins at the top again."""
    page.locator("main summary").first.click()
    page.locator(".map path").first.wait_for()
    page.locator("main summary").last.click()
    page.locator(".tree").wait_for()
    page.evaluate(AT_TOP)


def unfolded(page: Page) -> None:
    """Open everything that the builder folds."""
    page.locator(".map path").first.wait_for()
    page.locator("main details").evaluate_all("folds => folds.forEach(fold => fold.open = true)")
    page.locator(".tree").first.wait_for()


LINES = (
    Line("pages.home", "/", main="main [type=search]"),
    Line("pages.home", "/?region=kr:52", name="of a feed"),
    Line("pages.home", "/?region=kr:52&topic=medtop:20000210&genre=press-release", name="narrowed"),
    Line("pages.home", "/?q=도정상", name="found", main="main .articles a"),
    Line("pages.home", "/?region=kr:52&limit=100", name="long words"),
    Line("pages.home", "/?q=없는낱말", name="nothing found"),
    Line("pages.home", "/?region=Atlantis", status=404, name="unknown region"),
    Line("discovery.page", "/feeds"),
    Line("subjects.regions", "/regions"),
    Line("subjects.region", "/regions/kr", name="with a map"),
    Line("subjects.region", "/regions/kr:41", name="of many districts"),
    Line("subjects.region", "/regions/kr:52"),
    Line("subjects.region", "/regions/kr:45", name="ended"),
    Line("subjects.region", "/regions/kr:28110", name="ended in two"),
    Line("subjects.region", "/regions/gb", name="of another country"),
    Line("subjects.region", "/regions/전라북동", status=404, name="unknown"),
    Line("subjects.topics", "/topics"),
    Line("subjects.topic", "/topics/medtop:11000000"),
    Line("subjects.topic", "/topics/brm11", name="policy field"),
    Line("subjects.offices", "/offices"),
    Line("subjects.office", "/offices/jeonbuk"),
    Line("subjects.office", "/offices/jeju", name="long words"),
    Line("subjects.office", "/offices/none", status=404, name="unknown"),
    Line("search.shown", "/search", main="main [type=search]"),
    Line("search.shown", "/search?q=전북+도정", name="found", main="main .articles a"),
    Line("search.shown", "/search?region=kr:52&q=도정", name="narrowed"),
    Line("search.shown", "/search?q=전주사", name="misspelt", main="main .notice a"),
    Line("search.shown", "/search?q=없는낱말", name="nothing found"),
    Line("search.shown", "/search?region=Atlantis", status=404, name="unknown region"),
    Line("build.page", "/feeds/build", main="main [name=q]"),
    Line("build.page", "/feeds/build?region=kr:52&q=도정상", main="main [name=q]", name="chosen", do=unfolded),
    Line("build.page", "/feeds/build?region=전주싀&topic=없는분야&lang=ko", status=404, name="wrong"),
    Line("build.page", "/feeds/build?region=kr:52&exclude_region=kr", name="opposed", main="main [name=q]"),
    Line("embed.frame", "/embed?region=kr:52", main="main a"),
    Line("articles.page", "/articles/{sample}"),
    Line("articles.page", "/articles/{article}", name="corrected"),
    Line("articles.page", "/articles/{pictured}", name="pictured"),
    Line("articles.page", "/articles/{long}", name="long words"),
    Line("articles.page", "/articles/none", status=404, name="missing"),
    Line("versions.listed", "/articles/{article}/versions"),
    Line("versions.one", "/articles/{article}/versions/1"),
    Line("differences.compared", "/articles/{article}/diff"),
    Line("alerts.form", "/alerts?region=kr:52"),
    Line("alerts.form", "/alerts", name="asked", status=202, do=send(address="reader@press.example"), main="header a"),
    Line("alerts.form", "/alerts", name="wrong", status=400, do=send(address="nobody", region="Atlantis")),
    Line("alerts.confirmation", "/alerts/confirm?token={confirm}", main="main button"),
    Line("alerts.leaving", "/alerts/unsubscribe?token={leave}", main="main button"),
    Line("subscriptions.listed", "/subscriptions", "token"),
    Line("subscriptions.listed", "/subscriptions", "token", name="wrong", status=400, do=send(url="http://10.0.0.1/")),
    Line("subscriptions.one", "/subscriptions/{webhook}", "token"),
    Line("people.setting_up", "/setup/none", status=410),
    Line("people.joining", "/join/{join}", main="main button"),
    Line("people.joining", "/join/{join}", name="wrong", status=422, do=send(name="", password="kurz")),
    Line("signin.signing_in", "/signin", main="main button"),
    Line("signin.signing_in", "/signin", name="wrong", status=422, do=send(email="a@press.example", password="no")),
    Line("people.forgetting", "/forgot", main="main button"),
    Line("people.forgetting", "/forgot", name="sent", status=202, do=send(email="a@press.example")),
    Line("people.forgetting", "/forgot", name="wrong", status=422, do=send(email="nobody")),
    Line("people.resetting", "/reset/{reset}", main="main button"),
    Line("people.resetting", "/reset/{reset}", name="wrong", status=422, do=send(password="kurz")),
    Line("account.account", "/account", "admin", main="main button"),
    Line("account.account", "/account", "admin", name="wrong", status=422, do=send(name="")),
    Line("signin.proving", "/prove", "admin", main="main button"),
    Line("signin.proving", "/prove", "admin", name="wrong", status=422, do=send(password="no")),
    Line("signin.leaving", "/signin/oidc", status=404),
    Line("signin.leaving_again", "/prove/oidc", "admin", status=404),
    Line("signin.back", "/signin/oidc/done", status=404),
    Line("tokens.listed", "/people/jeonbuk/tokens", "admin", main="main button"),
    Line("tokens.listed", "/people/jeonbuk/tokens", "admin", name="wrong", status=422, do=send(name="")),
    Line("people.listed", "/people", "admin", main="main button"),
    Line("people.listed", "/people", "admin", name="wrong", status=422, do=send(email="nobody")),
    Line("people.listed", "/people", "admin", name="invited", do=send(email="lee@press.example")),
    Line("desk.composing", "/desk/new", "admin", name="map", main="main [name=headline]", do=opened),
    Line("desk.one", "/desk/drafts/{draft}", "admin", main="main [name=headline]"),
    Line("desk.one", "/desk/drafts/{written}", "admin", name="faults", do=pressed("check"), main="main a"),
    Line("compose.aside", "/desk/drafts/{written}/aside", "admin", main="main button"),
    Line("compose.file", "/desk/drafts/{written}/files/none", "admin", status=404),
    Line("desk.listed", "/desk?office=jeonbuk", "admin"),
    Line("desk.listed", "/desk?office=jeju", "admin", name="empty"),
    Line("desk.composing", "/desk/new?office=jeonbuk", "admin", main="main [name=headline]"),
    Line(
        "desk.composing", "/desk/new?office=jeonbuk", "admin", name="checked", do=send("[value=check]"), main="main a"
    ),
    Line(
        "desk.one",
        "/desk/drafts/{written}",
        "admin",
        name="no contact",
        do=in_place("pick-contact", "#e-contact-kept"),
        main="main [value=pick-contact]",
    ),
    Line("desk.preview", "/desk/drafts/{draft}/preview", "admin"),
    Line("desk.published", "/desk/articles/{article}", "admin"),
    Line("desk_reach.shown", "/desk/articles/{article}/reach", "admin"),
    Line("desk_reach.shown", "/desk/articles/{pushed}/reach?state=waiting", "admin", name="recipients"),
    Line("desk_reach.shown", "/desk/articles/{waiting}/reach", "admin", name="under embargo"),
    Line("desk_routine.shown", "/desk/routine?office=jeonbuk", "admin"),
    Line("desk_routine.shown", "/desk/routine?office=jeju", "admin", name="with approval"),
    Line(
        "desk_routine.shown",
        "/desk/routine?office=jeju",
        "admin",
        name="wrong",
        status=422,
        do=send("main button.danger", password="no"),
    ),
    Line("desk.preview", "/desk/drafts/{good}/preview", "admin", name="good"),
    Line("desk_versions.listed", "/desk/drafts/{good}/versions", "admin"),
    Line("desk_versions.one", "/desk/drafts/{good}/versions/1", "admin"),
    Line("desk_versions.compared", "/desk/drafts/{good}/diff?from=1&to=2", "admin"),
    Line("desk_preview.page", "/desk/drafts/{good}/preview/page?width=phone", "admin", main=".skip"),
    Line("desk_preview.page", "/desk/drafts/{draft}/preview/page", "admin", name="of long words", main=".skip"),
    Line("desk_preview.formatted", "/desk/drafts/{good}/preview/atom", "admin"),
    Line("desk_preview.mail", "/desk/drafts/{good}/preview/mail", "admin"),
    Line("desk_preview.checking", "/desk/check?office=jeonbuk", "admin", main="main button"),
    Line("desk_preview.checking", "/desk/check?office=jeonbuk", "admin", name="no file", status=422, do=send()),
    Line("desk_preview.checking", "/desk/check?office=jeonbuk", "admin", name="faults", do=check, main="main a"),
    Line("desk_sharing.shared", "/preview/{link}", main=".skip"),
    Line("desk_sharing.shared", "/preview/none", status=404, name="wrong"),
    Line("documentation.contents", "/docs", main="main a"),
    Line("documentation.contents", "/docs", "admin", name="signed in"),
    Line("documentation.page", "/docs/tour", main="main summary"),
    Line("documentation.page", "/docs/formats", name="wide table"),
    Line("documentation.page", "/docs/http", name="long"),
    Line("documentation.page", "/docs/design", name="drawing"),
    Line("documentation.page", "/docs/nginx.conf", name="plain"),
    Line("documentation.page", "/docs/none", status=404, name="missing"),
    Line("reference.listed", "/docs/api"),
    Line("reference.group", "/docs/api/feeds", main="main summary"),
    Line("reference.group", "/docs/api/the-desk", "admin", name="pages"),
    Line("reference.group", "/docs/api/problems", name="problems"),
    Line("reference.group", "/docs/api/none", status=404, name="missing"),
    Line("desk_calendar.shown", "/desk/calendar?office=jeonbuk", "admin"),
    Line("desk_start.choosing", "/desk/start?office=jeonbuk", "admin"),
    Line("desk_calendar.shown", "/desk/calendar?office=jeju&month=2026-01", "admin", name="empty"),
    Line("desk_lists.templates", "/desk/templates?office=jeonbuk", "admin"),
    Line("desk_lists.templates", "/desk/templates?office=jeju", "admin", name="empty"),
    Line("desk_lists.contacts", "/desk/contacts?office=jeonbuk", "admin"),
    Line("desk_lists.contacts", "/desk/contacts?office=jeju", "admin", name="wrong", status=422, do=send()),
    Line("desk_reporters.listed", "/desk/reporters?office=jeonbuk", "admin"),
    Line("desk_reporters.listed", "/desk/reporters?office=jeju", "admin", name="wrong", status=422, do=send()),
    Line("accreditation.form", "/accreditation"),
    Line("accreditation.form", "/accreditation", name="wrong", status=422, do=send(email="nobody", regions="Atlantis")),
    Line("accreditation.confirming", "/accreditation/{applies}", main="main button"),
    Line("accreditation.confirming", "/accreditation/none", status=410, name="dead"),
    Line("newsroom.choosing", "/newsroom"),
    Line("newsroom.choosing", "/newsroom", "admin", name="of somebody"),
    Line("newsroom.desk", "/newsroom/daily", "admin", main="main .articles a"),
    Line("newsroom.desk", "/newsroom/banned", "admin", name="suspended"),
    Line(
        "newsroom.desk",
        "/newsroom/daily",
        "admin",
        name="wrong",
        status=422,
        do=renewed,
    ),
    Line("newsroom.read", "/newsroom/daily/articles/{waiting}", "admin"),
    Line("newsroom.document", "/newsroom/daily/articles/{waiting}.doc", "admin", status=404),
    Line("newsroom.file", "/newsroom/daily/files/none/none", "admin", status=404),
    Line("newsroom_tokens.listed", "/newsroom/daily/tokens", "admin", main="main button"),
    Line(
        "newsroom_tokens.listed",
        "/newsroom/daily/tokens",
        "admin",
        name="wrong",
        status=422,
        do=send(networks="10.0.0.1/8"),
    ),
    Line("newsroom_hooks.listed", "/newsroom/daily/subscriptions", "admin"),
    Line(
        "newsroom_hooks.listed",
        "/newsroom/banned/subscriptions",
        "admin",
        name="wrong",
        status=422,
        do=send(url="http://10.0.0.1/"),
    ),
    Line("newsroom_hooks.one", "/newsroom/daily/subscriptions/{hook}", "admin", main="main button"),
    Line("newsroom_hooks.one", "/newsroom/daily/subscriptions/{hook}", "admin", name="checked", do=send()),
    Line("outlets.listed", "/outlets", "admin"),
    Line("admin.overview", "/admin", "admin"),
    Line("admin.overview", "/admin?period=week", "admin", name="a week"),
    Line("admin.offices", "/admin/offices", "admin"),
    Line("admin.sources", "/admin/sources", "admin"),
    Line("admin.deliveries", "/admin/deliveries", "admin"),
    Line("admin.subscription", "/admin/deliveries/{webhook}", "admin", main="main button"),
    Line("admin.audit", "/admin/audit", "admin", main="main button"),
    Line("admin.audit", "/admin/audit?action=none", "admin", name="empty"),
    Line("admin.audit", "/admin/audit?office=" + "x" * 70, "admin", name="too long"),
    Line("outlets.application", "/outlets/applications/{applied}", "admin", main="main button"),
    Line(
        "outlets.application",
        "/outlets/applications/{applied}",
        "admin",
        name="wrong",
        status=422,
        do=send(code="X Y", until="2020-01-01"),
    ),
    Line("outlets.one", "/outlets/daily", "admin", main="main button"),
    Line("outlets.one", "/outlets/banned", "admin", name="suspended", main="main button"),
    Line("desk_trace.asking", "/desk/trace?office=jeonbuk", "admin", main="main button"),
    Line("desk_trace.asking", "/desk/trace?office=jeonbuk", "admin", name="nothing sent", status=422, do=send()),
    Line(
        "desk_trace.asking",
        "/desk/trace?office=jeonbuk",
        "admin",
        name="no such release",
        do=send(text="누구도 쓰지 않은 글 한 줄"),
    ),
    Line("press_calendar.month", "/press-calendar?month={month}", main="main .events a"),
    Line(
        "press_calendar.month",
        "/press-calendar?month={month}&region=kr:52&region=kr:50&office=jeonbuk",
        name="narrowed",
    ),
    Line("press_calendar.month", "/press-calendar?month=2030-01&region=kr:52", name="empty"),
    Line("press_calendar.month", "/press-calendar?region=Atlantis", name="unknown region", status=404),
    Line("press_calendar.one", "/press-calendar/{event}"),
    Line("press_calendar.one", "/press-calendar/{canceled}", name="canceled"),
    Line("press_calendar.one", "/press-calendar/none", name="missing", status=404),
    Line("desk_announcements.listed", "/desk/announcements?office=jeonbuk", "admin"),
    Line("desk_announcements.listed", "/desk/announcements?office=jeju", "admin", name="wrong", status=422, do=send()),
    Line("desk_announcements.one", "/desk/announcements/{event}", "admin"),
    Line("", "/nowhere", status=404, name="no such page"),
)
