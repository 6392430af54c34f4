"""A request's body as parsed JSON, within bounds of size and depth, whatever is sent."""

import zlib
from typing import Any

import msgspec


class BodyError(Exception):
    """A body that is refused: the HTTP status, and the sentence for whoever sent it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def unpacked(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """The bytes behind a Content-Encoding, never more than `bytes_max` of them.

    Raises:
        BodyError: 413 for too many, 415 for an encoding that is not known, 422 for bytes that are not of it.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise BodyError(415, f"Content-Encoding = {encoding[:40]!r}: expected gzip, deflate or none")
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        data = unpack.decompress(body, bytes_max + 1)
    except zlib.error:
        raise BodyError(422, f"the body is not {encoding}, as Content-Encoding says") from None
    if len(data) > bytes_max:
        raise too_large(bytes_max)
    if not unpack.eof:
        raise BodyError(422, f"the body's {encoding} ends in the middle")
    return data


def too_large(bytes_max: int) -> BodyError:
    """The refusal of a body of more than so many bytes."""
    return BodyError(413, f"the body is larger than {bytes_max:,} bytes; send fewer events at once")


def parsed(body: bytes) -> Any:
    """The JSON of a body.

    Raises:
        BodyError: 422: it is none, or nested deeper than the parser goes, which is some hundred levels.
    """
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise BodyError(422, "the JSON is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BodyError(422, "the body is not JSON in UTF-8") from None
