"""The text of a file: UTF-8, with or without a byte order mark, its lines ended by one sign.

Lines end in LF, CR LF (read as LF, in a quoted field too) or, where the file has no LF at all, CR.
"""

from __future__ import annotations

from pathlib import Path

from transfer_study.errors import DataError, Problem
from transfer_study.files import read_regular

_MOST_BYTES = 1 << 34  # a file is held in memory


def read_text(path: Path) -> str:
    """The text with LF alone as line ends.

    Raises DataError where the file cannot be read, is not UTF-8, or has a CR within a line, which
    some programs would read as its end and others not.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(Problem(f"{reason}; check the path or the data root", str(path))) from None
    return decoded(content, path)


def decoded(content: bytes, path: Path) -> str:
    """The text of a file's content; raises DataError as `read_text` does."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            Problem(
                f"byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8",
                f"{path}, line {line}",
            )
        ) from None
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        return text.replace("\r", "\n")
    if "\r" in text:
        more = text.count("\r") - 1
        others = f" (and {more} more in this file)" if more else ""
        raise DataError(
            Problem(
                f"a carriage return (U+000D) stands within the line{others}; write a space in its"
                " place, or end all lines alike",
                f"{path}, line {text.count(chr(10), 0, text.index(chr(13))) + 1}",
            )
        )
    return text
