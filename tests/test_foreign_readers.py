"""Programs that nobody here wrote read what a live server sends, over sockets. Each says why it is skipped where it is not installed.

npm's packages are installed into a directory of this session; the Debian packages are those of `.ci/run`.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from tests.conftest import Server, until
from tests.subscriber import Got, Subscriber, subscribing
from tests.test_hub import PUSH, accredited

pytestmark = pytest.mark.slow
PACKAGES = ("feedparser@2", "rss-parser@3", "standardwebhooks@1")
TAG = "tag:foreign.example,2026:"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("foreign"), **PUSH).start()
    yield server
    server.close()


def release(name: str, version: int = 1) -> bytes:
    return (
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="{version}">'
        f"<guid>{TAG}{name}</guid><issued>2026-03-09T10:00:00+09:00</issued><headline>전북 소식 {name} &amp; more</headline>"
        f"<body><p>본문 <b>하나</b>.</p><p>둘째 문단.</p></body>"
        '<enclosure url="https://files.example/%EC%82%AC%EC%A7%84.jpg" type="image/jpeg" length="7"/></article></release>'
    ).encode()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    token = server.office("foreign", "외국청", "kr:52")
    for name in ("one", "two"):
        assert server.push(token, release(name)).status_code == 201, server.push(token, release(name)).text
    return token


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of npm's packages."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm is not installed: apt-get install npm")
    directory = tmp_path_factory.mktemp("npm")
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *PACKAGES],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install {', '.join(PACKAGES)}: {done.stderr[-200:]}")
    return directory


def run(command: list[str], script: str, given: str = "", **environ: str) -> Any:
    """What the script writes as JSON."""
    done = subprocess.run(
        [*command, script], input=given, capture_output=True, text=True, timeout=60, env={**os.environ, **environ}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FEEDPARSER = """
const FeedParser = require('feedparser'), http = require('http');
http.get(process.env.URL, answer => {
  const parser = new FeedParser(), found = [];
  parser.on('error', error => { console.error(error); process.exit(1); });
  parser.on('readable', () => { let item; while (item = parser.read())
    found.push({guid: item.guid, title: item.title, html: item.description, file: item.enclosures[0].url, date: item.date}); });
  parser.on('end', () => console.log(JSON.stringify(found)));
  answer.pipe(parser);
});
"""
RSS_PARSER = """
const Parser = require('rss-parser');
new Parser().parseURL(process.env.URL).then(feed => console.log(JSON.stringify(feed.items.map(item => (
  {guid: item.guid || item.id, title: item.title, html: item['content:encoded'] || item.content, date: item.isoDate,
   file: item.enclosure && item.enclosure.url})))));
"""


@pytest.mark.parametrize("format", ["rss", "atom"])
@pytest.mark.parametrize("script", [FEEDPARSER, RSS_PARSER], ids=["feedparser", "rss-parser"])
def test_readers_of_node(server: Server, token: str, modules: Path, script: str, format: str) -> None:
    url = f"{server.url}/feed.{format}?office=foreign"
    found = run(["node", "-e"], script, URL=url, NODE_PATH=str(modules / "node_modules"), NO_PROXY="127.0.0.1")
    assert [(item["guid"], item["title"]) for item in found] == [
        (f"{TAG}{name}", f"전북 소식 {name} & more") for name in ("two", "one")
    ]
    assert all("둘째 문단." in item["html"] and item["date"] for item in found)
    if not (script is RSS_PARSER and format == "atom"):  # it reads no enclosures of Atom
        assert {item["file"] for item in found} == {"https://files.example/%EC%82%AC%EC%A7%84.jpg"}


def test_atoma(server: Server, token: str) -> None:
    """https://pypi.org/project/atoma/"""
    atoma = pytest.importorskip("atoma", reason="atoma is not installed: pip install atoma")
    rss = atoma.parse_rss_bytes(server.client.get("/feed.rss?office=foreign").content)
    atom = atoma.parse_atom_bytes(server.client.get("/feed.atom?office=foreign").content)
    feed = atoma.parse_json_feed_bytes(server.client.get("/feed.json?office=foreign").content)
    guids = [f"{TAG}{name}" for name in ("two", "one")]
    assert [item.guid for item in rss.items] == [entry.id_ for entry in atom.entries] == guids
    assert [item.id_ for item in feed.items] == guids
    assert all("둘째 문단." in item.content_encoded and item.pub_date for item in rss.items)


RUBY = """
require 'rexml/document'; require 'net/http'; require 'json'
http = Net::HTTP.new('127.0.0.1', ENV['PORT'].to_i, nil)
body = http.get(ENV['ADDRESS']).body
document = REXML::Document.new(body.force_encoding('UTF-8'))
puts JSON.generate(REXML::XPath.match(document, '//item').map { |item|
  [item.elements['guid'].text, item.elements['title'].text, item.elements['content:encoded'].texts.map(&:value).join.length] })
"""


@pytest.mark.skipif(not shutil.which("ruby"), reason="Ruby is not installed: apt-get install ruby")
def test_rexml_reads_also_the_longest_bodies(server: Server, token: str) -> None:
    """REXML counts the bytes that entities expand to, and refuses more than 10,240: a long body must not be made of entities."""
    long = "".join(f"<p>{number} 문단 &amp; more</p>" for number in range(8000))
    body = release("long").replace("<p>둘째 문단.</p>".encode(), long.encode())
    assert len(body) > 200_000 and server.push(token, body).status_code == 201
    try:
        found = run(["ruby", "-e"], RUBY, PORT=str(server.port), ADDRESS="/feed.rss?office=foreign")
        assert [guid for guid, *_ in found] == [f"{TAG}{name}" for name in ("long", "two", "one")]
        assert found[0][2] > 150_000
    finally:
        assert (
            server.push(
                token, release("long", 2).replace(b'version="2"', b'version="2" pubstatus="canceled"')
            ).status_code
            == 201
        )


PERL = """
use strict; use warnings; use JSON::PP; use XML::Atom::Client; use XML::Atom::Entry;
$XML::Atom::DefaultVersion = '1.0';
my $client = XML::Atom::Client->new;
$client->username('editor'); $client->password($ENV{TOKEN});
my $entry = XML::Atom::Entry->new; $entry->title('From Perl'); $entry->content('<p>A body from Perl.</p>');
my $edit = $client->createEntry($ENV{COLLECTION}, $entry) or die $client->errstr;
my $found = $client->getEntry($edit) or die $client->errstr;
print encode_json([$edit, $found->id, $found->title]);
"""


def has_perl() -> bool:
    return (
        bool(shutil.which("perl"))
        and not subprocess.run(["perl", "-MXML::Atom::Client", "-e", "1"], capture_output=True).returncode
    )


@pytest.mark.skipif(not has_perl(), reason="XML::Atom::Client is not installed: apt-get install libxml-atom-perl")
def test_a_client_in_perl_publishes(server: Server, token: str) -> None:
    """It authenticates as its LWP does, reads the first challenge alone, and sends neither id nor updated."""
    collection = f"{server.url}/atompub/foreign/"
    environ = {"TOKEN": token, "COLLECTION": collection, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    edit, id, title = run(["perl", "-e"], PERL, **environ)
    assert edit.startswith(collection) and id.startswith("urn:uuid:") and title == "From Perl"
    public = edit.rpartition("/")[2]
    headers = {"Authorization": f"Bearer {token}"}
    assert server.client.delete(f"/articles/{public}?reason=x", headers=headers).status_code == 200


# Standard Webhooks


@pytest.fixture(scope="module")
def outlet(server: Server, token: str) -> str:
    return accredited(server, "foreign")


def delivered(server: Server, token: str, outlet: str, endpoint: Subscriber, format: str) -> tuple[str, list[Got]]:
    """The secret, and what came: an article, its withdrawal and a test."""
    headers = {"Authorization": f"Bearer {outlet}"}
    given = {"url": endpoint.url("/hook"), "query": "office=foreign", "format": format}
    made = server.client.post("/subscriptions", json=given, headers=headers).json()
    id = server.push(token, release(f"hook-{format}")).json()["id"]
    until(lambda: len(endpoint.to("/hook")) == 1)
    own = {"Authorization": f"Bearer {token}"}
    assert server.client.delete(f"/articles/{id}?reason=x", headers=own).status_code == 200
    until(lambda: len(endpoint.to("/hook")) == 2)
    assert server.client.post(f"/subscriptions/{made['name']}/test", headers=headers).status_code == 200
    until(lambda: len(endpoint.to("/hook")) == 3)
    return made["secret"], endpoint.to("/hook")


VERIFY = """
const {Webhook} = require('standardwebhooks'), {secret, sent} = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(sent.map(({body, headers}) => {
  new Webhook(secret).verify(body, headers, {jsonParse: false});
  try { new Webhook(secret).verify(body + ' ', headers, {jsonParse: false}); return false; } catch { return true; }
})));
"""


@pytest.mark.parametrize("format", ["json", "ninjs", "newsml", "xml"])
def test_standard_webhooks_verify_every_payload(
    server: Server, token: str, outlet: str, modules: Path, format: str
) -> None:
    """https://pypi.org/project/standardwebhooks/ and npm's package of that name, as docs/push.md says."""
    webhooks = pytest.importorskip("standardwebhooks", reason="pip install standardwebhooks")
    with subscribing(server) as endpoint:
        secret, sent = delivered(server, token, outlet, endpoint, format)
    for got in sent:
        parsed = webhooks.Webhook(secret).verify(
            got.body, got.headers, json_parse=format in ("json", "ninjs") and got.body
        )
        assert parsed is None or isinstance(parsed, dict)
        with pytest.raises(webhooks.WebhookVerificationError):
            webhooks.Webhook(secret).verify(got.body + b" ", got.headers, json_parse=False)
    given = {"secret": secret, "sent": [{"body": got.body.decode(), "headers": got.headers} for got in sent]}
    assert run(["node", "-e"], VERIFY, json.dumps(given), NODE_PATH=str(modules / "node_modules")) == [True] * 3


# WebSub


@pytest.fixture(scope="session")
def flask_websub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Flask-WebSub in a directory of its own: it brings a package `tests` along, which would hide ours."""
    directory = tmp_path_factory.mktemp("flask-websub")
    wanted = ["--no-deps", "--quiet", "--disable-pip-version-check", "--target", str(directory), "flask-websub==0.4.1"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *wanted], capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.skip(f"pip cannot install flask-websub: {done.stderr[-200:]}")
    sys.path.append(str(directory))
    yield
    sys.path.remove(str(directory))


@pytest.mark.usefixtures("flask_websub")
def test_flask_websub_subscribes_and_is_told(
    server: Server, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://pypi.org/project/Flask-WebSub/: it finds the hub by itself and answers the verification."""
    websub = importlib.import_module("flask_websub.subscriber")
    from flask import Flask

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    app = Flask("subscriber")
    listening = make_server("127.0.0.1", 0, app, threaded=True)
    app.config["SERVER_NAME"] = f"127.0.0.1:{listening.server_port}"
    storage = websub.SQLite3SubscriberStorage(str(tmp_path / "subscriptions"))
    temporary = websub.SQLite3TempSubscriberStorage(str(tmp_path / "requests"))
    subscriber = websub.Subscriber(storage, temporary)
    told: list[tuple[str, bytes]] = []
    confirmed: list[str] = []
    subscriber.add_listener(lambda topic, callback, body: told.append((topic, body)))
    subscriber.add_success_handler(lambda topic, callback, mode: confirmed.append(mode))
    app.register_blueprint(subscriber.build_blueprint("/callbacks"))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        topic = f"{server.url}/feed.atom?office=foreign"
        with app.app_context():
            id = subscriber.subscribe(**websub.discover(topic))
            until(lambda: confirmed == ["subscribe"])
            assert server.push(token, release("websub")).status_code == 201
            until(lambda: told)
            assert told[0][0] == topic and f"{TAG}websub".encode() in told[0][1]
            subscriber.unsubscribe(id)
            until(lambda: confirmed == ["subscribe", "unsubscribe"])
    finally:
        listening.shutdown()
        thread.join(10)
        listening.server_close()


@pytest.mark.usefixtures("flask_websub")
@pytest.mark.parametrize("method", ["sha1", "sha256"])
def test_flask_websub_verifies_what_is_signed(method: str) -> None:
    """It sends a secret only over https, so its own check is asked here."""
    blueprint = importlib.import_module("flask_websub.subscriber.blueprint")
    from flask import Flask

    from app.deliveries.websub import hub_signature

    headers = hub_signature("its secret", b"body", method)
    with Flask("x").test_request_context("/", headers=headers):
        assert headers["X-Hub-Signature"].startswith(f"{method}=")
        assert blueprint.body_is_valid({"secret": "its secret"}, b"body")
        assert not blueprint.body_is_valid({"secret": "another"}, b"body")
