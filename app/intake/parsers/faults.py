"""Finds every fault against a schema, words it for the sender, and assigns it to its article.

The schema of our own dialect demands an order. The profile of a foreign dialect gives types to the elements that are read and leaves
the rest open (`xs:any`, lax). In both, every element is global, so that a part can be checked by itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from app.errors import Fault
from app.intake.parsers.tree import child, forget, place
from schemas import xsd

MOST_FAULTS = 200  # reported for one article
MOST_OF_ALL = 2_000  # processed for one document
UNEXPLAINED = "The document breaks the schema of its dialect, but the validator does not say how."
LARGE = 2_000  # elements and attributes of a part whose faults are counted first
HUGE = 20_000  # elements and attributes of a document that is not checked to its end if it has too many faults
CHUNK = 16_384  # bytes that are read before the faults are counted again
BEGINNING = 2_000  # elements and attributes of a part with too many faults whose faults are reported
MORE_FAULTS = f"This article breaks the schema too. Only the first {MOST_OF_ALL} faults of a release are reported."
UNSEEN = (
    f"This article was not checked, because the release has more than {MOST_OF_ALL} faults before it. Correct them and send the"
    " release again."
)
TOO_MANY = f"There are more than {MOST_OF_ALL} faults here. Only those at the beginning are reported."
# libxml2 reports a wrong value twice, for the facet and for the type; the second message adds nothing.
TWIN = etree.ErrorTypes.SCHEMAV_CVC_DATATYPE_VALID_1_2_1

Form = Callable[[str, etree._Element | None], str]  # name of an element or attribute -> "a date such as …", or ""


class Checked(Struct, frozen=True):
    """The result of checking a document against a schema."""

    refused: dict[int, tuple[Fault, ...]]  # place of an article, from 0 -> its faults
    outside: tuple[Fault, ...]  # faults outside the articles


def check(schema: str, root: etree._Element, articles: Sequence[etree._Element], form: Form) -> Checked:
    """Check a document against `schemas/xsd/<schema>.xsd`. Faults inside one of the `articles` are assigned to that article."""
    refused: dict[int, list[Fault]] = {}
    outside: list[Fault] = []
    compiled = xsd(schema)
    if _has_too_many(compiled, root):
        return _flooded(compiled, root, articles, form)
    if not compiled.validate(root):
        places = {element: number for number, element in enumerate(articles)}
        found = list(islice(_faults(compiled, root, form), MOST_OF_ALL))
        for element, fault in found:
            number = next((places[above] for above in (element, *element.iterancestors()) if above in places), None)
            (outside if number is None else refused.setdefault(number, [])).append(fault)
        if len(found) == MOST_OF_ALL:
            # Articles after the last processed fault may have faults too, and must not count as valid.
            for number, article in enumerate(articles):
                if number not in refused and not compiled.validate(article):
                    refused[number] = [Fault(MORE_FAULTS, place(article), article.sourceline or 0)]
            return _around(
                compiled, root, articles, form, {n: tuple(faults[:MOST_FAULTS]) for n, faults in refused.items()}
            )
    return Checked(
        {number: tuple(faults[:MOST_FAULTS]) for number, faults in refused.items()}, tuple(outside[:MOST_FAULTS])
    )


def _flooded(schema: etree.XMLSchema, root: etree._Element, articles: Sequence[etree._Element], form: Form) -> Checked:
    """The result for a document with more than MOST_OF_ALL faults.

    libxml2 always checks a tree to its end, and each fault takes ten microseconds and a kilobyte, or much more if it is deep. So such
    a document is checked article by article (a huge one until there are enough faults), and of an article with too many only the
    beginning.
    """
    refused: dict[int, tuple[Fault, ...]] = {}
    found, huge = 0, _nodes(root) >= HUGE
    for number, article in enumerate(articles):
        if huge and found >= MOST_OF_ALL:
            refused[number] = (Fault(UNSEEN, place(article), article.sourceline or 0),)
        elif _has_too_many(schema, article):
            found += MOST_OF_ALL
            refused[number] = _at_the_beginning(schema, article, form)
        elif not schema.validate(article):
            faults = [fault for _, fault in islice(_faults(schema, article, form), MOST_FAULTS)]
            found += max(len(faults), len(schema.error_log))
            refused[number] = tuple(faults) or (Fault(MORE_FAULTS, place(article), article.sourceline or 0),)
    return _around(schema, root, articles, form, refused)


def _around(
    schema: etree.XMLSchema,
    root: etree._Element,
    articles: Sequence[etree._Element],
    form: Form,
    refused: dict[int, tuple[Fault, ...]],
) -> Checked:
    """The result for a document whose articles were checked one by one: the `refused` ones have faults, the others are valid alone.

    The document is checked again without the refused ones, because the others may stand in a wrong place or in a wrong document.
    """
    if len(refused) == len(articles):
        return Checked(refused, ())
    removed = {articles[number] for number in refused}
    children = {parent: list(parent) for parent in {article.getparent() for article in removed} if parent is not None}
    for parent, all_of_it in children.items():
        parent[:] = [child for child in all_of_it if child not in removed]
    forget()  # the numbers of the children
    if (
        _has_too_many(schema, root)
        or len(found := list(islice(_faults(schema, root, form), MOST_OF_ALL))) == MOST_OF_ALL
    ):
        unseen = {n: (Fault(UNSEEN, place(one), one.sourceline or 0),) for n, one in enumerate(articles)}
        return Checked(unseen | refused, _at_the_beginning(schema, root, form))
    for parent, all_of_it in children.items():
        parent[:] = all_of_it
    forget()
    places = {article: number for number, article in enumerate(articles)}
    outside: list[Fault] = []
    misplaced: dict[int, list[Fault]] = {}
    for element, fault in found:
        at = next((places[above] for above in (element, *element.iterancestors()) if above in places), None)
        (outside if at is None else misplaced.setdefault(at, [])).append(replace(fault, path=place(element)))
    faults = {number: tuple(of_it[:MOST_FAULTS]) for number, of_it in misplaced.items()}
    return Checked(faults | refused, tuple(outside[:MOST_FAULTS]))


def _nodes(part: etree._Element) -> int:
    """The number of elements and attributes in a part."""
    return int(part.xpath("count(descendant::*) + count(descendant-or-self::*/@*)"))


def _has_too_many(schema: etree.XMLSchema, part: etree._Element) -> bool:
    """Whether a large part has more than MOST_OF_ALL faults. It is read again as a stream, which ends at that number and makes no
    paths.

    False does not mean that the part is valid: that is decided by the tree.
    """
    if _nodes(part) < LARGE:
        return False
    parser = etree.XMLParser(target=_Nothing(), schema=schema, resolve_entities=False, no_network=True)
    written = etree.tostring(part, encoding="utf-8", with_tail=False)
    for at in range(0, len(written), CHUNK):
        parser.feed(written[at : at + CHUNK])
        if len(parser.feed_error_log) > MOST_OF_ALL:
            return True
    return False


class _Nothing:
    """Makes nothing of a document that is only checked."""

    def close(self) -> None:
        pass


def _at_the_beginning(schema: etree.XMLSchema, part: etree._Element, form: Form) -> tuple[Fault, ...]:
    """The faults at the beginning of a part that is refused. The rest of the part is removed."""
    last, nodes = part, 0
    for last in part.iter():
        nodes += 1 + len(last.attrib)
        if nodes >= BEGINNING:
            break
    del last[:]
    cut = {last}
    while last is not part and (above := last.getparent()) is not None:
        del above[above.index(last) + 1 :]
        cut.add(above)
        last = above
    found = [
        fault
        for element, fault in islice(_faults(schema, part, form), MOST_FAULTS + len(cut))
        if element not in cut or "is not complete" not in fault.reason
    ]
    return (*found[:MOST_FAULTS], Fault(TOO_MANY, place(part), part.sourceline or 0))


def _faults(schema: etree.XMLSchema, top: etree._Element, form: Form) -> Iterator[tuple[etree._Element, Fault]]:
    """Every fault of an element, with the element that has it.

    libxml2 stops checking an element at its first misplaced child. So the siblings after that child are checked one by one, which is
    possible because each is a global element of the schema.
    """
    if schema.validate(top):
        return
    entries = list(schema.error_log)  # a copy, because the next validation replaces the log
    if not entries:  # The document is not valid, so it is refused even without an explanation.
        yield top, Fault(UNEXPLAINED, place(top), top.sourceline or 0)
    explained = {_where(entry) for entry in entries if entry.type != TWIN}
    for entry in entries:
        if entry.type == TWIN and _where(entry) in explained:
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
    """The element at a libxml2 path from `top`: /*/*[3] without prefixes, /p:a/p:b[2] with prefixes."""
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
        return f"{what} is {value[1][:80]!r}; expected one of {choices}."
    if "has a length of" in text and form:
        return f"{what} is empty or too short; expected {form}."
    if (value or "not a valid value" in text) and form:
        shown = value[1] if value else (re.match(r"'(.*?)' is not a valid value", text, re.DOTALL) or [0, ""])[1]
        return f"{what} is {str(shown)[:80]!r}; expected {form}."
    if missing := re.match(r"Missing child element\(s\)\. Expected is (?:one of )?\((.*)\)", text):
        return f"{what} is not complete; expected {_either(missing[1])} next."
    if unexpected := re.match(r"This element is not expected\.(?: Expected is (?:one of )?\((.*)\))?", text):
        return f"{what} is not allowed here{f'; expected {_either(unexpected[1])}' if unexpected[1] else ''}."
    if required := re.match(r"The attribute '(.*)' is required but missing", text):
        return f"{what} has no attribute {required[1]}, which is required."
    if "No matching global element declaration" in text:
        return f"{what} is not allowed here."
    if "is not allowed" in text and subject and subject[2]:
        return f"{what} is not allowed."
    return f"{what}: {text}" if what else text


def _either(names: str) -> str:
    listed = [f"<{name.strip()}>" for name in names.split(",") if name.strip() and "##" not in name]
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"
