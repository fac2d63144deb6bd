"""Masks passwords and keys in logs, messages and listings.

The secrets of the settings are registered when the settings are loaded, and masked in every log line and error text. In every URL, the
password before the host (RFC 3986, section 3.2.1) and each query parameter named as a key, a token or a password are masked too.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"
SHORTEST = 6  # characters: masking every "data" in a text would reveal the password "data" rather than hide it
USERINFO = re.compile(r"""(://[^\s/@:?\#"'<>\\]{0,200}:)[^\s/@"'<>\\]{1,500}@""", re.VERBOSE)
NAMES = r"password|passwd|pwd|secret|token|access_token|api_?key|key|service_?key|signature|sig"
QUERY = re.compile(rf"""([?&](?:{NAMES})=)[^&\s\#"'<>\\]{{1,2000}}""", re.VERBOSE | re.IGNORECASE)

_known: set[str] = set()


def learn(secrets: Iterable[str]) -> None:
    """Mask these secrets in every text given to `hushed`, as they are and percent-encoded."""
    _known.update(secret for given in secrets for secret in (given, unquote(given)) if len(secret) >= SHORTEST)


def secrets_in(url: str) -> list[str]:
    """The password of a URL, and the values of its query parameters that are named like secrets."""
    found = [match[0][match[0].index(":", 3) + 1 : -1] for match in USERINFO.finditer(url)]
    # A password that contains a character that should be escaped, such as #, still ends at the last "@".
    before, _, _ = url.rpartition("@")
    found.append(before.partition("://")[2].partition(":")[2])
    with suppress(ValueError):  # It is no URL.
        found += [value for name, value in parse_qsl(urlsplit(url).query) if re.fullmatch(NAMES, name, re.IGNORECASE)]
    return [secret for secret in found if secret]


def masked(text: str) -> str:
    """The text with the passwords and keys in its URLs masked."""
    return QUERY.sub(rf"\1{MASK}", USERINFO.sub(rf"\1{MASK}@", text))


def masked_address(url: str) -> str:
    """A whole URL without its secrets. Its password ends at the last "@", whatever characters are in it; in a text nobody can tell
    where it ends."""
    scheme, mark, rest = url.partition("://")
    before, at, host = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    return masked(f"{scheme}{mark}{user}:{MASK}{at}{host}" if colon else url)


def hushed(text: str) -> str:
    """The same, with the secrets of the settings masked too: for logs and error texts."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return masked(text)
