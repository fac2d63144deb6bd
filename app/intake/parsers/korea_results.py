"""Answers of Korea's open-data service that are not releases: the envelope of its gateway, and result codes in its own envelope."""

from lxml import etree

from app.errors import Fault, Problem
from app.intake.parsers.tree import place

GATEWAY = "OpenAPI_ServiceResponse"
FINE = {"", "0", "00"}
NO_DATA = {"3", "03"}

# The codes of the open-data portal's gateway, and those of the press-release service (97, 98).
MEANINGS = {
    "1": "the application behind the service failed",
    "2": "the database behind the service failed",
    "3": "there is no data for this request",
    "4": "the service could not be reached over HTTP",
    "5": "the service took too long",
    "10": "a parameter of the request is wrong",
    "11": "a parameter of the request is missing",
    "12": "the service does not exist, or no longer exists",
    "20": "access to the service is denied",
    "21": "the service key is temporarily suspended",
    "22": "the daily limit of requests is used up",
    "30": "the service key is not registered",
    "31": "the service key has expired",
    "32": "the sender's IP address is not registered",
    "33": "the request is not signed",
    "97": "a date of the request is wrong",
    "98": "the request covers more than three days",
    "99": "the service gives no reason",
}


def refuse_error(root: etree._Element) -> None:
    """Raise Problem if the document is an error of the source, or says that there is no data."""
    if root.tag == GATEWAY:
        raise _error(root, "returnReasonCode", ("errMsg", "returnAuthMsg", "returnReasonCode"))
    code = _text(root, "resultCode")
    if code in FINE:
        return
    if code in NO_DATA:
        raise empty(root, f"The source says that there is no data (resultCode {code}).")
    raise _error(root, "resultCode", ("resultMsg", "resultCode"))


def empty(root: etree._Element, reason: str) -> Problem:
    """The problem of a release without articles. It is never a success: one consumer lost weeks of releases by treating it as one."""
    fault = Fault(reason, place(root), root.sourceline or 0)
    return Problem(422, "empty-release", "The release has no article", reason, errors=[fault])


def _error(root: etree._Element, code_name: str, names: tuple[str, ...]) -> Problem:
    code = _text(root, code_name)
    answer = ", ".join(f"{name} {text[:200]!r}" for name in names if (text := _text(root, name)))
    meaning = MEANINGS.get(code.lstrip("0") or code, "the code is not known")
    reason = f"The source sent an error instead of releases: {answer or 'no code'}; {meaning}."
    found = root.find(f".//{code_name}")
    at = root if found is None else found
    fault = Fault(reason, place(at), at.sourceline or 0)
    return Problem(422, "source-error", "The source sent an error", reason, errors=[fault])


def _text(root: etree._Element, name: str) -> str:
    # Look only in the envelope, never in an article.
    for element in root.iter(name):
        if not any(above.tag == "NewsItem" for above in element.iterancestors()):
            return " ".join("".join(element.itertext()).split())
    return ""
