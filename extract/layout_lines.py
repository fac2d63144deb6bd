"""Lays out formats that have only text: HWP 5 and plain text."""

import re
from pathlib import Path
from typing import IO

from extract import hwp, plain
from extract.layout import Layout, Para, Piece, plain_para
from extract.pictures import Album

NO_PICTURES = 0  # bytes
MARKED = re.compile(r"\s*(?:[□■○●◦ㅇ◇◆▪▫•·\-–※*▲△▶▷]|\d{1,2}[.)])\s?\S")


def lay_out_hwp(file: IO[bytes], pictures: Path) -> tuple[Layout, Album]:
    """The paragraphs of an HWP 5 file, those in tables too, without pictures. Raises Unreadable."""
    pieces: list[Piece] = [plain_para(block.text) for block in hwp.read(file) if block.text.strip()]
    return Layout(pieces, [], ["hwp-withdrawn"]), Album(pictures, NO_PICTURES)


def lay_out_text(file: IO[bytes], pictures: Path) -> tuple[Layout, Album]:
    """The paragraphs of a text. A line that begins with a mark, or that ends a short paragraph, is a paragraph of its own. Raises
    Unreadable."""
    paras: list[Para] = []
    for block in plain.read(file):
        run: list[str] = []
        for line in block.text.split("\n"):
            if run and MARKED.match(line):
                paras.append(plain_para("\n".join(run)))
                run = []
            run.append(line.strip())
        paras.append(plain_para("\n".join(run)))
    return Layout([para for para in paras if para.text.strip()], [], []), Album(pictures, NO_PICTURES)
