"""Every fault that a schema finds, in the sender's words, and to which article it belongs.

A dialect of our own demands its order; a profile of a foreign one types the elements that are read and leaves the rest open
(`xs:any`, lax). In both every element is global, so that a part can be checked by itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from lxml import etree
from msgspec import Struct

from app.errors import Fault
from app.intake.parsers.tree import child, place
from schemas import xsd

MOST_FAULTS = 200  # told of one article
MOST_OF_ALL = 2_000  # looked at in a document
UNEXPLAINED = "The document breaks the schema of its dialect; which rule is not known."
LARGE = 20_000  # elements and attributes of a document that is first checked article by article
UNTOLD = f"The article breaks the schema too; the first {MOST_OF_ALL} faults of a release are told."
UNSEEN = f"The release has more than {MOST_OF_ALL} faults before this article, which was not looked at: mend them and send it again."
# A value's wrong form is told by libxml2 twice, by facet and by type; the type's message carries nothing more.
TWIN = etree.ErrorTypes.SCHEMAV_CVC_DATATYPE_VALID_1_2_1

Form = Callable[[str, etree._Element | None], str]  # name of an element or attribute -> "a date such as …", or ""


class Checked(Struct, frozen=True):
    """What a schema says of a document."""

    refused: dict[int, tuple[Fault, ...]]  # place of an article, from 0 -> its faults
    outside: tuple[Fault, ...]  # what is wrong around the articles


def check(schema: str, root: etree._Element, articles: Sequence[etree._Element], form: Form) -> Checked:
    """Check a document against `schemas/xsd/<schema>.xsd`; `articles` are the elements whose faults are their own."""
    refused: dict[int, list[Fault]] = {}
    outside: list[Fault] = []
    compiled = xsd(schema)
    if flooded := _flooded(compiled, root, articles, form):
        return flooded
    if not compiled.validate(root):
        places = {element: number for number, element in enumerate(articles)}
        found = list(islice(_faults(compiled, root, form), MOST_OF_ALL))
        for element, fault in found:
            number = next((places[above] for above in (element, *element.iterancestors()) if above in places), None)
            (outside if number is None else refused.setdefault(number, [])).append(fault)
        if len(found) == MOST_OF_ALL:
            # What was not looked at may be at fault too, and must not count as good.
            for number, article in enumerate(articles):
                if number not in refused and not compiled.validate(article):
                    refused[number] = [Fault(UNTOLD, place(article), article.sourceline or 0)]
    return Checked(
        {number: tuple(faults[:MOST_FAULTS]) for number, faults in refused.items()}, tuple(outside[:MOST_FAULTS])
    )


def _flooded(
    schema: etree.XMLSchema, root: etree._Element, articles: Sequence[etree._Element], form: Form
) -> Checked | None:
    """What is told of a large document with more faults than are looked at; None: it has fewer, or it is small.

    libxml2 goes on to the end whatever it has found, and each fault takes ten microseconds and a kilobyte: so a large document is
    first checked article by article, and no further than need be.
    """
    if len(articles) < 2 or int(root.xpath("count(//*) + count(//@*)")) < LARGE:
        return None
    refused: dict[int, tuple[Fault, ...]] = {}
    found = 0
    for number, article in enumerate(articles):
        if found >= MOST_OF_ALL:
            refused[number] = (Fault(UNSEEN, place(article), article.sourceline or 0),)
        elif not schema.validate(article):
            faults = [fault for _, fault in islice(_faults(schema, article, form), MOST_FAULTS)]
            found += max(len(faults), len(schema.error_log))
            refused[number] = tuple(faults) or (Fault(UNTOLD, place(article), article.sourceline or 0),)
    return Checked(refused, ()) if found >= MOST_OF_ALL else None


def _faults(schema: etree.XMLSchema, top: etree._Element, form: Form) -> Iterator[tuple[etree._Element, Fault]]:
    """Every fault of an element, with where it is.

    libxml2 leaves an element at its first child out of place, so the siblings after it are checked one by one: each is
    a global element of the schema.
    """
    if schema.validate(top):
        return
    entries = list(schema.error_log)  # a copy: the log is of the last validation alone
    if not entries:  # What is not valid is refused, whatever is known of it.
        yield top, Fault(UNEXPLAINED, place(top), top.sourceline or 0)
    told = {_where(entry) for entry in entries if entry.type != TWIN}
    for entry in entries:
        if entry.type == TWIN and _where(entry) in told:
            continue
        element = _walk(top, entry.path or "")
        yield element, Fault(_reason(entry.message, element, form), place(element), entry.line)
        if element is not top and "This element is not expected" in entry.message:
            for sibling in element.itersiblings():
                yield from _faults(schema, sibling, form)


def _where(entry: etree._LogEntry) -> tuple[int, str, str]:
    attribute = re.match(r"Element '[^']+', attribute '([^']+)'", entry.message)
    return entry.line, entry.path or "", attribute[1] if attribute else ""


def _walk(top: etree._Element, path: str) -> etree._Element:
    """The element of a libxml2 path from `top`: /*/*[3] without prefixes, /p:a/p:b[2] with them."""
    element = top
    for name, number in re.findall(r"/([^/\[\]]+)(?:\[(\d+)\])?", path)[1:]:
        found = child(element, name.rpartition(":")[2], int(number or 1))
        if found is None:
            break
        element = found
    return element


def _reason(message: str, element: etree._Element | None, form_of: Form) -> str:
    text = re.sub(r"\{[^{}\s']*\}", "", message)
    subject = re.match(r"Element '([^']+)'(?:, attribute '([^']+)')?: ", text)
    what = ""
    if subject:
        text = text[subject.end() :]
        what = f"The attribute {subject[2]} of <{subject[1]}>" if subject[2] else f"<{subject[1]}>"
    text = re.sub(r"^\[facet '\w+'\] ", "", text)
    value = re.match(
        r"The value '(.*?)' (?:is not accepted|has a length|is not an element|is greater|is less)", text, re.DOTALL
    )
    name = (subject[2] or subject[1]) if subject else ""
    form = form_of(name, element)
    if re.match(r"The value '", text) and "set {" in text and value:
        choices = text[text.index("set {") + 5 : text.rindex("}")].replace("'", "")
        return f"{what} is {value[1][:80]!r}; expected is one of {choices}."
    if "has a length of" in text and form:
        return f"{what} is empty or too short; expected is {form}."
    if (value or "not a valid value" in text) and form:
        shown = value[1] if value else (re.match(r"'(.*?)' is not a valid value", text, re.DOTALL) or [0, ""])[1]
        return f"{what} is {str(shown)[:80]!r}; expected is {form}."
    if missing := re.match(r"Missing child element\(s\)\. Expected is (?:one of )?\((.*)\)", text):
        return f"{what} is not complete; expected next is {_either(missing[1])}."
    if unexpected := re.match(r"This element is not expected\.(?: Expected is (?:one of )?\((.*)\))?", text):
        return f"{what} is not allowed here{f'; expected is {_either(unexpected[1])}' if unexpected[1] else ''}."
    if required := re.match(r"The attribute '(.*)' is required but missing", text):
        return f"{what} has no attribute {required[1]}; it is required."
    if "No matching global element declaration" in text:
        return f"{what} is not allowed here."
    if "is not allowed" in text and subject and subject[2]:
        return f"{what} is not allowed."
    return f"{what}: {text}" if what else text


def _either(names: str) -> str:
    listed = [f"<{name.strip()}>" for name in names.split(",") if name.strip() and "##" not in name]
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"
