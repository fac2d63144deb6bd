"""Signed releases: which are accepted, which are refused and why, and that each signature counts once; and the stored proof."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from app import store
from app.accounts import signatures, structured
from app.accounts.signatures import NotSigned, Signed, SigningKey
from app.cli import cli
from app.commands.push import _sign
from app.errors import Misconfigured, PressrelayError
from app.sender import PushClient
from app.store import Engine
from tests.conftest import SEED, Server
from tests.test_lifecycle import document, events, problem, token
from tests.test_store import NOW

XML = {"Content-Type": "application/xml"}
KEYID = "signing-1"


@pytest.fixture(scope="module")
def key(server: Server) -> Ed25519PrivateKey:
    """The key of an office that signs; there is also another office with a key."""
    server.office("signing", "서명청", "kr:50")
    server.office("signing-other", "다른 서명청", "kr:50")
    engine = server.engine()
    made = Ed25519PrivateKey.generate()
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    store.accounts.add_key(engine, KEYID, "signing", signatures._raw(made.public_key()), "", datetime.now(UTC))
    store.accounts.add_key(
        engine, "signing-other-1", "signing-other", signatures._raw(other.public_key()), "", datetime.now(UTC)
    )
    engine.dispose()
    return made


def send(
    server: Server, key: Ed25519PrivateKey, body: bytes, method: str = "POST", path: str = "/releases", **how: Any
) -> httpx.Response:
    """Signed, then changed as `how` says."""
    created, keyid, url = how.get("created"), how.get("keyid", KEYID), how.get("url", f"{server.url}{path}")
    headers = XML | signatures.sign(how.get("signed_method", method), url, XML, body, key, keyid, created)
    headers |= how.get("headers", {})
    return server.client.request(method, path, content=how.get("sent", body), headers=headers)


def test_a_signed_release_is_taken_and_its_proof_kept(server: Server, key: Ed25519PrivateKey) -> None:
    body = document("tag:signing,2026:good", headline="서명한 것")
    answer = send(server, key, body)
    assert answer.status_code == 201, answer.text
    told = server.client.get(f"/articles/{answer.json()['id']}/provenance")
    assert told.status_code == 200 and told.headers["Access-Control-Allow-Origin"] == "*"
    proof = told.json()
    original = server.client.get(proof["original"].removeprefix(server.url)).content
    assert original == body and base64.b64decode(proof["sha256"]) == hashlib.sha256(body).digest()
    signed = msgspec.convert(proof["signature"], Signed)
    assert (signed.keyid, signed.office, signed.method) == (KEYID, "signing", "POST")
    assert signed.target_uri == f"{server.url}/releases" and signatures.faults(signed, original) == []
    (event,) = events(server, token(server, "signing"), answer.json()["id"])
    assert (event["actor"], event["detail"]) == (
        f"key {KEYID}",
        {"signed": "yes", "request_id": answer.headers["X-Request-Id"]},
    )


def test_by_token_there_is_no_signature_and_it_says_so(server: Server, key: Ed25519PrivateKey) -> None:
    answer = server.push(token(server, "signing"), document("tag:signing,2026:token"))
    proof = server.client.get(f"/articles/{answer.json()['id']}/provenance").json()
    assert proof["signature"] is None and proof["office"] == "signing"


def test_every_way_to_change_an_article_can_be_signed(server: Server, key: Ed25519PrivateKey) -> None:
    held = document("tag:signing,2026:ways", 1, "<embargo held='true'/>")
    path = f"/articles/{send(server, key, held).json()['id']}"
    assert server.client.get(f"{path}/provenance").status_code == 404, "what is not public has no provenance"
    assert send(server, key, b"", "POST", f"{path}/release").status_code == 200
    second = document("tag:signing,2026:ways", 2, "", "둘째")
    assert send(server, key, second, "PUT", path).status_code == 200
    assert server.client.get(f"{path}/provenance").json()["version"] == 2
    first = server.client.get(f"{path}/provenance?version=1").json()
    assert first["version"] == 1 and server.client.get(first["original"].removeprefix(server.url)).content == held
    assert problem(server.client.get(f"{path}/provenance?version=9"))[0] == 404
    answer = send(server, key, b"", "DELETE", f"{path}?reason=%EC%B7%A8%EC%86%8C%20x")
    assert answer.status_code == 200, answer.text
    assert server.client.get(f"{path}/provenance").status_code == 410
    done = [
        event
        for event in events(server, token(server, "signing"), path[10:])
        if event["action"] in ("released", "canceled")
    ]
    for event, method in zip(done, ("POST", "DELETE"), strict=True):
        assert signatures.faults(signed := msgspec.json.decode(event["detail"]["signed"], type=Signed), b"") == []
        assert signed.method == method, "what was ordered can be proved later"


def test_files_are_not_taken_with_a_signature(server: Server, key: Ed25519PrivateKey) -> None:
    body = document("tag:signing,2026:files")
    request = httpx.Request("POST", f"{server.url}/releases", files={"release": ("r.xml", body, "application/xml")})
    whole = request.read()
    said = {"Content-Type": request.headers["Content-Type"]}
    headers = said | signatures.sign("POST", f"{server.url}/releases", said, whole, key, KEYID)
    answer = server.client.post("/releases", content=whole, headers=headers)
    assert problem(answer) == (400, "signed-files"), answer.text


OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
LONG_AGO, SOON = datetime.now(UTC) - timedelta(minutes=6), datetime.now(UTC) + timedelta(minutes=30)
BODY = document("tag:signing,2026:refused")
SWAPPED = document("tag:signing,2026:swapped")
REFUSED: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "another body": ({"sent": SWAPPED}, 400, "digest-mismatch", "Nothing was stored"),
    "another body with its digest": (
        {"sent": SWAPPED, "headers": {"Content-Digest": structured.content_digest(SWAPPED)}},
        401,
        "signature-wrong",
        "is not valid",
    ),
    "another method": ({"signed_method": "PUT"}, 401, "signature-wrong", "is not valid"),
    "another path": ({"url": "{server}/elsewhere"}, 401, "signature-wrong", "is not valid"),
    "another host": ({"url": "http://elsewhere.example/releases"}, 401, "signature-wrong", "is not valid"),
    "another query": ({"url": "{server}/releases?dry_run=1"}, 401, "signature-wrong", "is not valid"),
    "another key": ({"key": OTHER}, 401, "signature-wrong", "is not valid"),
    "an unknown key": ({"keyid": "nobody"}, 401, "signature-wrong", "No office has registered"),
    "too old": ({"created": LONG_AGO}, 401, "signature-wrong", "age exceeds"),
    "not yet": ({"created": SOON}, 401, "signature-wrong", "in the future"),
    "no digest": ({"headers": {"Content-Digest": ""}}, 401, "signature-wrong", "Content-Digest with sha-256"),
    "a weak digest": (
        {"headers": {"Content-Digest": "md5=:AAAA:"}},
        401,
        "signature-wrong",
        "Content-Digest with sha-256",
    ),
    "no signature": ({"headers": {"Signature": ""}}, 401, "signature-wrong", "is not valid"),
    "no field": ({"headers": {"Signature-Input": "sig1"}}, 401, "signature-wrong", "exactly one signature"),
    "two signatures": (
        {"headers": {"Signature-Input": 'a=("@method");keyid="signing-1", b=("@method");keyid="signing-1"'}},
        401,
        "signature-wrong",
        "exactly one signature",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(server: Server, key: Ed25519PrivateKey, case: str) -> None:
    how, status, kind, words = REFUSED[case]
    how = dict(how)
    if "url" in how:
        how["url"] = how["url"].format(server=server.url)
    answer = send(server, how.pop("key", key), BODY, **how)
    assert problem(answer) == (status, kind) and words in answer.json()["detail"], answer.text
    engine = server.engine()
    (last,) = store.audit.records(engine, office="signing", action="refused", limit=100_000)[-1:] or [None]
    engine.dispose()
    if case not in ("an unknown key", "no field", "two signatures"):
        assert last is not None and last.event.detail["problem"] == kind
    assert "tag:signing,2026:refused" not in server.client.get("/feed.json?office=signing").text


def covering(server: Server, key: Ed25519PrivateKey, *covered: str) -> httpx.Response:
    """Push a release with a correct signature that covers only these."""
    from http_message_signatures import HTTPMessageSigner, algorithms

    message = signatures._Message(
        "POST", f"{server.url}/releases", {**XML, "Content-Digest": structured.content_digest(BODY)}
    )
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=signatures._Keys(key))
    signer.sign(message, key_id=KEYID, covered_component_ids=covered, use_existing_digest=True)
    return server.client.post("/releases", content=BODY, headers=dict(message.headers))


@pytest.mark.parametrize(
    "covered",
    [
        ("@method",),
        ("@method", "@target-uri"),
        ("@method", "content-digest"),
        ("@target-uri", "content-digest"),
        ("@method", "@authority", "content-digest"),
        ("@method", "@target-uri", '"content-digest";key="sha-256"'),
    ],
)
def test_what_is_not_covered_is_not_signed(server: Server, key: Ed25519PrivateKey, covered: tuple[str, ...]) -> None:
    assert problem(covering(server, key, *covered)) == (401, "signature-wrong")


@pytest.mark.parametrize(
    ("more", "covered", "words"),
    [
        ({"Authorization": "Bearer secret"}, ("authorization",), "covers 'authorization', but signed parts are public"),
        ({"Cookie": "a=b"}, ("cookie",), "covers 'cookie'"),
        ({"Content-Type": "application/xml; charset=euc-kr"}, (), "must cover content-type"),
        ({"Slug": "x"}, (), "must cover slug"),
    ],
)
def test_what_a_signature_may_and_must_cover(more: dict[str, str], covered: tuple[str, ...], words: str) -> None:
    from http_message_signatures import HTTPMessageSigner, algorithms

    headers = {**XML, "Content-Digest": structured.content_digest(BODY), **more}
    message = signatures._Message("POST", "https://press.example/releases", headers)
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=signatures._Keys(OTHER))
    signer.sign(message, key_id="k", covered_component_ids=(*signatures.COVERED, *covered), use_existing_digest=True)
    with pytest.raises(NotSigned, match=words):
        signatures.verify(
            message.method, message.url, message.headers, SigningKey("k", "o", signatures._raw(OTHER.public_key()))
        )


@pytest.mark.parametrize("octets", sorted(signatures.WEAK))
def test_weak_keys_are_refused(octets: bytes) -> None:
    for sign in (0, 0x80):
        text = base64.b64encode(octets[:31] + bytes([octets[31] | sign]))
        with pytest.raises(Misconfigured, match=r"weak|not an Ed25519"):
            signatures.public_key(text)


def test_a_key_is_of_one_office(server: Server, key: Ed25519PrivateKey) -> None:
    answer = send(server, key, document("tag:signing,2026:owned"))
    path = f"/articles/{answer.json()['id']}"
    taken = send(server, OTHER, document("tag:signing,2026:owned", 2), keyid="signing-other-1")
    assert problem(taken) == (403, "wrong-office")
    taken = send(server, OTHER, document("tag:signing,2026:owned", 2), "PUT", path, keyid="signing-other-1")
    assert problem(taken) == (403, "wrong-office")
    bearer = {"Authorization": f"Bearer {token(server, 'signing-other')}"}
    assert problem(send(server, key, document("tag:signing,2026:two"), headers=bearer)) == (403, "wrong-office")
    bearer = {"Authorization": f"Bearer {token(server, 'signing')}"}
    assert send(server, key, document("tag:signing,2026:two"), headers=bearer).status_code == 201


def test_a_signature_is_good_once_on_all_workers(server: Server, key: Ed25519PrivateKey) -> None:
    body = document("tag:signing,2026:once")
    headers = XML | signatures.sign("POST", f"{server.url}/releases", XML, body, key, KEYID)
    codes: list[tuple[int, str]] = []

    def once() -> None:
        answer = httpx.post(f"{server.url}/releases", content=body, headers=headers, trust_env=False, timeout=30)
        codes.append((answer.status_code, answer.json().get("type", "").rpartition(":")[2]))

    threads = [threading.Thread(target=once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [(201, "")] + [(401, "signature-replayed")] * 7
    assert send(server, key, body).status_code == 200, "signed anew, the same release is answered with its receipt"


def test_a_signature_is_spent_once_in_the_store(engine: Engine) -> None:
    won: list[str] = []
    for number in range(5):
        threads = [
            threading.Thread(
                target=lambda n=number: won.append(store.accounts.spend(engine, bytes([n] * 32), NOW, NOW))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(won) == ["again"] * 15 + ["first"] * 5
    assert store.accounts.spend(engine, bytes([9] * 32), NOW, NOW + timedelta(hours=2)) == "first"
    assert store.accounts.spend(engine, bytes([0] * 32), NOW, NOW + timedelta(hours=2)) == "first", (
        "what is too old to be used is forgotten"
    )


def test_a_signature_older_than_the_restore_is_not_taken_and_the_client_signs_again(
    own_server: Callable[..., Server], key: Ed25519PrivateKey
) -> None:
    """A signature has whole seconds. So a signature made in the second in which a restored database was noticed is refused too;
    `pressrelay push` waits a second and signs again."""
    server = own_server(workers="1").start()
    server.office("signing", "서명청", "kr:11")
    engine = server.engine()
    raw = signatures._raw(key.public_key())
    assert store.accounts.add_key(engine, KEYID, "signing", raw, "", datetime.now(UTC))
    body = document("tag:signing,2026:restored")
    headers = XML | signatures.sign("POST", f"{server.url}/releases", XML, body, key, KEYID)
    store.identity.renew(engine, store.identity.instance(engine), older=True)
    answer = server.client.post("/releases", content=body, headers=headers)
    assert problem(answer) == (503, "signature-unknown") and answer.headers["Retry-After"] == "1"
    client = PushClient(server.url, "", signing=partial(_sign, key, KEYID))
    assert client.push(body).status == 201
    client.close()
    engine.dispose()


def test_a_revoked_key_signs_nothing_more(server: Server, key: Ed25519PrivateKey) -> None:
    made = Ed25519PrivateKey.generate()
    engine = server.engine()
    assert store.accounts.add_key(
        engine, "signing-gone", "signing", signatures._raw(made.public_key()), "", datetime.now(UTC)
    )
    kept = send(server, made, document("tag:signing,2026:gone"), keyid="signing-gone")
    assert kept.status_code == 201
    assert store.accounts.revoke_key(engine, "signing-gone", datetime.now(UTC)) is not None
    assert store.accounts.revoke_key(engine, "nobody", datetime.now(UTC)) is None
    assert store.accounts.add_key(engine, "signing-gone", "signing", bytes(32), "", datetime.now(UTC)) is False
    engine.dispose()
    answer = send(server, made, document("tag:signing,2026:gone", 2), keyid="signing-gone")
    assert problem(answer) == (401, "key-revoked")
    proof = server.client.get(f"/articles/{kept.json()['id']}/provenance").json()
    assert signatures.faults(msgspec.convert(proof["signature"], Signed), document("tag:signing,2026:gone")) == []


# What is left to check


def proof(body: bytes = b"<release/>") -> tuple[Signed, bytes]:
    made = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    headers = XML | signatures.sign("POST", "https://press.example/releases", XML, body, made, "k")
    public = SigningKey("k", "office", signatures._raw(made.public_key()))
    return signatures.verify("POST", "https://press.example/releases", headers, public), body


def test_tampering_is_told_apart() -> None:
    signed, body = proof()
    assert signatures.faults(signed, body) == []
    crimes: list[tuple[Signed, bytes, str]] = [
        (signed, body + b" ", "The document is not the signed one"),
        (
            replace(signed, base=signed.base.replace("POST", "PUT")),
            body,
            "The signature, the key and the signature base do not match.",
        ),
        (
            replace(signed, public_key=base64.b64encode(bytes(32)).decode()),
            body,
            "The signature, the key and the signature base do not match.",
        ),
        (
            replace(signed, signature=base64.b64encode(bytes(64)).decode()),
            body,
            "The signature, the key and the signature base do not match.",
        ),
        (replace(signed, signature="?"), body, "The signature, the key and the signature base do not match."),
        (replace(signed, target_uri="https://other.example/"), body, 'The stated value of "@target-uri"'),
        (replace(signed, method="PUT"), body, 'The stated value of "@method"'),
        (replace(signed, content_digest=structured.content_digest(b"x")), body, 'The stated value of "content-digest"'),
        (replace(signed, created=signed.created - timedelta(days=1)), body, "The stated key id or creation time"),
        (replace(signed, keyid="another"), body, "The stated key id or creation time"),
        (
            replace(signed, created=datetime.fromtimestamp(int(signed.created.timestamp()) // 10, UTC)),
            body,
            "or creation time",
        ),
        (replace(signed, algorithm="rsa"), body, "The stated algorithm is not"),
    ]
    for changed, original, words in crimes:
        assert any(words in fault for fault in signatures.faults(changed, original)), words


HELLO = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"  # RFC 9530, appendix D
WRONG = f"sha-512=:{'A' * 86}==:"


@pytest.mark.parametrize(
    ("field", "same"),
    [
        (HELLO, True),
        (f"  md5=:AAAA:, other=1;a, {HELLO};note=x  ", True),
        ("md5=:AAAA:", False),
        ("", False),
        (f"{HELLO}, {WRONG}", False),
        (f"{HELLO}, {HELLO}", False),
        (f"{HELLO},", False),
        (HELLO.replace(":", ""), False),
        (HELLO.replace(":", '"'), False),
        (HELLO.upper(), False),
        ("sha-256", False),
        ("sha-256=:é:", False),
    ],
)
def test_a_content_digest_is_a_structured_field(field: str, same: bool) -> None:
    assert structured.matches(field, b'{"hello": "world"}') is same
    assert structured.content_digest(b'{"hello": "world"}') == HELLO


def test_the_base_is_as_the_standard_writes_it() -> None:
    """RFC 9421, section 2.5, by hand."""
    signed, body = proof()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    nonce = signed.base.rpartition('nonce="')[2].removesuffix('"')
    assert len(nonce) == 16
    assert signed.base.split("\n") == [
        '"@method": POST',
        '"@target-uri": https://press.example/releases',
        f'"content-digest": sha-256=:{digest}:',
        '"content-type": application/xml',
        '"@signature-params": ("@method" "@target-uri" "content-digest" "content-type");'
        f'created={int(signed.created.timestamp())};keyid="k";alg="ed25519";nonce="{nonce}"',
    ]


def test_the_vector_of_the_standard() -> None:
    """RFC 9421, appendix B.2.6: the key of B.1.4 signs that base with that result."""
    seed = base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU=")
    base = (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        '"content-type": application/json\n"content-length": 18\n"@signature-params": ("date" "@method" "@path" '
        '"@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'
    )
    expected = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    assert base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(base.encode())).decode() == expected


@pytest.mark.parametrize("value", ["", "sig1=1", 'a=("@method");keyid=1', "\x00", "sig1=(" * 1000])
def test_a_field_that_cannot_be_read(value: str) -> None:
    with pytest.raises(NotSigned):
        signatures.keyid({"Signature-Input": value})


# The commands


def run(*words: str, **environ: str) -> tuple[int, str]:
    try:
        done = CliRunner().invoke(cli, words, env=environ, catch_exceptions=False)
    except PressrelayError as error:
        return 1, str(error)
    return done.exit_code, done.output


def test_an_office_makes_a_key_signs_the_founding_release_and_anybody_verifies_it(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server(workers="1").start()
    server.office()
    data = {"PRESSRELAY_DATA_DIR": str(server.directory), "PRESSRELAY_PORT": str(server.port)}
    private = tmp_path / "jeonbuk.pem"
    code, told = run("key", "new", str(private))
    public = told.splitlines()[-1]
    assert code == 0 and private.stat().st_mode & 0o777 == 0o600
    assert "already exists" in run("key", "new", str(private))[1]
    assert "This is a private key." in run("key", "add", "jeonbuk", "--public", str(private), **data)[1]
    assert "not an Ed25519 public key" in run("key", "add", "jeonbuk", "--public", "AAAA", **data)[1]
    assert "There is no office 'nobody'" in run("key", "add", "nobody", "--public", public, **data)[1]
    code, told = run("key", "add", "jeonbuk", "--public", public, "--name", "홍보과", **data)
    keyid = told.splitlines()[-1]
    assert code == 0 and keyid.startswith("jeonbuk-")
    assert f"There is already a key '{keyid}'" in run("key", "add", "jeonbuk", "--public", public, **data)[1]
    assert f"{keyid}\tvalid\tjeonbuk\t{public}\t홍보과" in run("key", "list", **data)[1]
    assert "must be given together" in run("push", str(SEED), "--url", server.url, "--key", str(private))[1]
    push = ("push", str(SEED), "--url", server.url, "--key", str(private), "--key-id", keyid)
    code, told = run(*push, "--json")
    assert code == 0, told
    url = json.loads(told.splitlines()[0])["answer"]["url"]
    assert run(*push)[0] == 0, "a second push is signed anew"

    code, told = run("verify", url)
    assert code == 0 and told.startswith(f"Verified: jeonbuk signed exactly these bytes with its key {keyid}"), told
    assert run("verify", f"{url}.xml", "--key", public)[0] == 0
    other = base64.b64encode(signatures.new_key()[1]).decode()
    code, told = run("verify", url, "--key", other)
    assert code == 1 and "another key than the one you gave" in told
    saved = tmp_path / "provenance.json"
    saved.write_bytes(server.client.get(f"{url}/provenance".removeprefix(server.url)).content)
    assert run("verify", str(saved), "--original", str(SEED))[0] == 0
    changed = tmp_path / "changed.xml"
    changed.write_bytes(SEED.read_bytes().replace(b"2021", b"2022"))
    code, told = run("verify", str(saved), "--original", str(changed), "--json")
    assert code == 1 and len(json.loads(told)["faults"]) == 2
    by_token = server.push(token(server, "jeonbuk"), document("tag:signing,2026:by-token")).json()["url"]
    code, told = run("verify", by_token)
    assert code == 1 and "The release is not signed" in told
    assert "answers with status 404" in run("verify", f"{server.url}/articles/{'a' * 26}")[1]
    assert "is not the provenance" in run("verify", str(SEED))[1]
    assert run("key", "revoke", keyid, **data)[0] == 0
    assert run(*push, "--retries", "0")[0] == 1
    assert run("verify", url)[0] == 0, "what it signed stays signed"


def test_keys_of_another_kind_are_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    made = ec.generate_private_key(ec.SECP256R1())
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(Misconfigured, match="not an Ed25519 key"):
        signatures.private_key(pem)
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Misconfigured, match="not an Ed25519 public key"):
        signatures.public_key(public)
    with pytest.raises(Misconfigured, match="not a private key"):
        signatures.private_key(b"x")
