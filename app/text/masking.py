"""What may not be read in logs, messages and listings: passwords and keys, wherever they stand in the text.

The settings' secrets are learned when they are loaded, and are left out of whatever is logged or said of an error. Besides, every
URL loses the password before its host (RFC 3986, section 3.2.1) and what its query calls a key, a token or a password.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"
SHORTEST = 6  # characters: to leave out every "data" of a text would tell more of a password "data" than it hides
USERINFO = re.compile(r"""(://[^\s/@:?\#"'<>\\]{0,200}:)[^\s/@"'<>\\]{1,500}@""", re.VERBOSE)
NAMES = r"password|passwd|pwd|secret|token|access_token|api_?key|key|service_?key|signature|sig"
QUERY = re.compile(rf"""([?&](?:{NAMES})=)[^&\s\#"'<>\\]{{1,2000}}""", re.VERBOSE | re.IGNORECASE)

_known: set[str] = set()


def learn(secrets: Iterable[str]) -> None:
    """Leave these out of whatever `hushed` is given, as they are and as URLs write them."""
    _known.update(secret for given in secrets for secret in (given, unquote(given)) if len(secret) >= SHORTEST)


def secrets_in(url: str) -> list[str]:
    """The password of a URL, and what its query says under the name of a secret."""
    found = [match[0][match[0].index(":", 3) + 1 : -1] for match in USERINFO.finditer(url)]
    # A password with characters that a URL must escape, such as #, ends at the last "@" all the same.
    before, _, _ = url.rpartition("@")
    found.append(before.partition("://")[2].partition(":")[2])
    with suppress(ValueError):  # It is no URL.
        found += [value for name, value in parse_qsl(urlsplit(url).query) if re.fullmatch(NAMES, name, re.IGNORECASE)]
    return [secret for secret in found if secret]


def masked(text: str) -> str:
    """The text, its URLs without passwords and keys."""
    return QUERY.sub(rf"\1{MASK}", USERINFO.sub(rf"\1{MASK}@", text))


def hushed(text: str) -> str:
    """The same, without the secrets of the settings as well: for logs and for what is said of an error."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return masked(text)
