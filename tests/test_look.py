"""What all pages share: the reader's language, versioned files, and a site's own colour, logo and time zone."""

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, meta, nodes

from app import create_app
from app.errors import Misconfigured
from app.settings import Settings, load
from app.syndication.texts import TEXTS
from app.web import assets
from tests.conftest import Server

HTML = {"Accept": "text/html", "Accept-Language": "ko"}
PNG = b"\x89PNG\r\n\x1a\n" + b"logo"


def test_the_reader_chooses_the_language(server: Server) -> None:
    same = {**HTML, "Origin": server.url}
    chosen = server.client.post("/language", data={"lang": "en", "back": "/?q=%EB%B9%84"}, headers=same)
    assert (chosen.status_code, chosen.headers["Location"]) == (303, f"{server.url}/?q=%EB%B9%84")
    cookie = chosen.headers["Set-Cookie"]
    assert re.match(r"lang=en; .*Max-Age=31536000; HttpOnly; Path=/; SameSite=Lax", cookie)
    server.client.cookies.clear()
    for sent, lang in (
        ("lang=en", "en"),
        ("lang=ko", "ko"),
        ("lang=fr", "ko"),
        ("lang=", "ko"),
        ("lang=en; x=y", "en"),
    ):
        page = server.client.get("/", headers={**HTML, "Cookie": sent})
        assert page.headers["Content-Language"] == lang and f'<html lang="{lang}">' in page.text
    again = server.client.get("/", headers={**HTML, "Cookie": "lang=en", "If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304, "both are English"
    korean = server.client.get("/", headers={**HTML, "If-None-Match": page.headers["ETag"]})
    assert korean.status_code == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "/" + "x" * 600])
def test_the_choice_leads_back_to_a_page_of_ours_alone(server: Server, back: str) -> None:
    chosen = server.client.post("/language", data={"lang": "fr", "back": back}, headers={**HTML, "Origin": server.url})
    assert chosen.headers["Location"] == f"{server.url}/" and "Set-Cookie" not in chosen.headers


def test_what_pages_load_is_kept_for_long(server: Server) -> None:
    url = re.search(r'rel="stylesheet" href="([^"]+)"', server.client.get("/", headers=HTML).text)
    assert url
    style = server.client.get(url[1])
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = server.client.get("/static/0/style.css")
    assert (old.text, old.headers["Cache-Control"]) == (style.text, "public, max-age=60")
    for path in ("/static/0/none.css", "/static/0/../html.py", "/static/0/%2e%2e/html.py", "/static/style.css"):
        assert server.client.get(path).status_code == 404


IMPORTED = re.compile(r"""\b(?:from|import)\s*\(?\s*["']\./([\w/-]+\.js)["']""")


def scripts_of(template: str, jinja: Environment) -> set[str]:
    """The modules that a template names, and those that its frame and its parts name."""
    assert jinja.loader
    tree = jinja.parse(jinja.loader.get_source(jinja, template)[0])
    named = {text.value for text in tree.find_all(nodes.Const) if str(text.value).endswith(".js")}
    for other in meta.find_referenced_templates(tree):
        named |= scripts_of(other or "", jinja)
    return {str(name) for name in named}


def test_the_scripts_of_each_page_are_small() -> None:
    """All scripts that a page loads by its tags, and those that they import, at once or later."""
    jinja = Environment(loader=FileSystemLoader(assets.STATIC.parent / "templates"))
    files = assets.of_site(Settings()).files
    used, largest = set[str](), 0
    for template in jinja.list_templates():
        loaded, todo = set[str](), scripts_of(template, jinja)
        while todo:
            name = todo.pop()
            loaded.add(name)
            todo |= {other for other in IMPORTED.findall(files[name].body.decode()) if other not in loaded}
        size = sum(len(files[name].body) for name in loaded)
        assert size < 40 * 1024, (template, size, loaded)
        used, largest = used | loaded, max(largest, size)
    on_other_sites = {"embed.js"}
    assert used | on_other_sites == {name for name in files if name.endswith(".js")}, "each script is one of some page"
    assert largest > 30_000, "the imports are followed"


def test_a_site_has_its_colour_and_logo(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(PNG)
    plain, own = assets.of_site(Settings()), assets.of_site(Settings(site_color="#7a1f26", site_logo=str(logo)))
    assert plain.version != own.version and not plain.logo
    assert b"--accent: #7a1f26" in own.files["style.css"].body and own.files[own.logo].content_type == "image/png"


@pytest.mark.parametrize("body", [b"<svg/>", PNG + bytes(300_000), None])
def test_a_logo_that_is_none(tmp_path: Path, body: bytes | None) -> None:
    logo = tmp_path / "logo"
    if body is not None:
        logo.write_bytes(body)
    with pytest.raises(Misconfigured, match="PRESSRELAY_SITE_LOGO"):
        create_app(Settings(data_dir=str(tmp_path), site_logo=str(logo)))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SITE_COLOR", "blue", "must look like #0b50d0"),
        ("SITE_COLOR", "#ffcc00", "a contrast of 1.5 on white"),
        ("SITE_TIMEZONE", "Seoul/", "expected an IANA name"),
        ("SITE_TIMEZONE", "Mars/Olympus", "expected an IANA name"),
    ],
)
def test_settings_that_are_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(said)):
        load({f"PRESSRELAY_{name}": value})


def test_times_are_those_of_the_site(own_server: object) -> None:
    server = own_server(site_timezone="Europe/Berlin", workers="1").start()  # type: ignore[operator]
    token = server.office()
    id = server.push(token, (Path(__file__).parent / "releases" / "minimal.xml").read_bytes()).json()["id"]
    korean = server.client.get(f"/articles/{id}", headers=HTML).text
    assert "2026. 3. 9.(월) 02:00 CET" in korean and "중부유럽 시간" in korean
    english = server.client.get(f"/articles/{id}", headers={**HTML, "Accept-Language": "en"}).text
    assert "9 March 2026, 02:00 CET" in english and 'datetime="2026-03-09T01:00:00Z"' in english


def test_every_word_that_a_template_names_exists() -> None:
    """A key that is missing would show nothing."""
    named: set[str] = set()
    for template in (assets.STATIC.parent / "templates").glob("*.html"):
        source = re.sub(r"\{#.*?#\}", "", template.read_text("utf-8"), flags=re.DOTALL)
        named |= set(re.findall(r'\bt\["([^"]+)"\](?! ~)', source)) | set(re.findall(r"\bt\.(\w+)", source))
    named -= {"get"}  # of the table itself
    assert len(named) > 500 and not named - set(TEXTS)


def _in_python(path: Path) -> tuple[set[str], set[str]]:
    """The texts of a module, without the keys of its own table of texts, and patterns for the texts that it puts together."""
    found = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    tables = [one.value for one in found if isinstance(one, ast.AnnAssign) and path.name.endswith("texts.py")]
    keys = {id(key) for table in tables if isinstance(table, ast.Dict) for key in table.keys}
    texts = {str(one.value) for one in found if isinstance(one, ast.Constant) and id(one) not in keys}
    return texts, {
        "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in one.values)
        for one in found
        if isinstance(one, ast.JoinedStr) and one.values and isinstance(one.values[0], ast.Constant)
    }


def _parts(node: nodes.Node) -> list[nodes.Node]:
    """What an expression joins with + or ~."""
    if isinstance(node, nodes.Add):
        return [*_parts(node.left), *_parts(node.right)]
    return [part for one in node.nodes for part in _parts(one)] if isinstance(node, nodes.Concat) else [node]


def _in_template(path: Path) -> tuple[set[str], set[str]]:
    """The same of a template."""
    whole = Environment().parse(path.read_text("utf-8"))
    texts = {str(one.value) for one in whole.find_all(nodes.Const)} | {
        one.attr for one in whole.find_all(nodes.Getattr)
    }
    joined = list(whole.find_all((nodes.Add, nodes.Concat)))
    inner = {id(part) for one in joined for part in one.iter_child_nodes()}
    patterns = set()
    for parts in (_parts(one) for one in joined if id(one) not in inner):
        if isinstance(parts[0], nodes.Const):
            patterns.add(
                "".join(re.escape(str(part.value)) if isinstance(part, nodes.Const) else ".+" for part in parts)
            )
    return texts, patterns


def test_every_text_is_used() -> None:
    """A text that no page, mail or answer shows is deleted."""
    app = assets.STATIC.parent.parent
    found = [_in_python(path) for path in app.rglob("*.py")] + [_in_template(path) for path in app.rglob("*.html")]
    texts = {text for held, _ in found for text in held}
    texts |= {text for path in app.rglob("*.js") for text in re.findall(r'"([^"\n]+)"', path.read_text("utf-8"))}
    put_together = re.compile("|".join({pattern for _, patterns in found for pattern in patterns}))
    assert len(texts) > 2000
    assert [key for key in TEXTS if key not in texts and not put_together.fullmatch(key)] == []
