"""Prepares every draft of a foreign dialect: writes its language as a BCP 47 tag, and cleans its HTML."""

import re

from msgspec.structs import replace

from app.intake.draft import Draft

TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,8}")


def settled(draft: Draft) -> Draft:
    """The draft as a foreign one, with warnings about what was changed."""
    written = draft.lang.text.strip()
    lang, warning = tag_of(written)
    warnings = (*draft.warnings, warning) if warning else draft.warnings
    value = draft.lang if lang == written else replace(draft.lang, text=lang)
    return replace(draft, lang=value, warnings=warnings, foreign=True)


def tag_of(written: str) -> tuple[str, str]:
    """(BCP 47 tag, a warning or nothing). `en_US` and `en_US.UTF-8` are names of the same languages."""
    spelled = written.partition(".")[0].replace("_", "-")
    if TAG.fullmatch(spelled):
        return spelled, ""
    return "und", f"The language {written[:40]!r} is not known. The article was stored as und (undetermined)."
