"""HTTP/1.1 as far as forms need it, on asyncio's streams; web.py's other half."""
from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Awaitable, Callable
from urllib.parse import parse_qsl, unquote

HEAD_MAX, BODY_MAX = 16 * 1024, 32 * 1024
PATIENCE = 20  # seconds for a request to arrive, and for the next one on the same connection


class Refused(Exception):
    """An answer that is not what was asked for: a status and one sentence for people."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep: bool

    @property
    def wants_json(self) -> bool:
        accept = self.headers.get("accept", "")
        return "application/json" in accept and "text/html" not in accept

    def fields(self) -> dict[str, str]:
        """What a form, or a JSON object of texts, says."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if kind == "application/json":
                found = json.loads(self.body)
                if not isinstance(found, dict) or not all(
                    isinstance(v, str) for v in found.values()
                ):
                    raise Refused(400, "The JSON must be one object of texts.")
                "".join(found.values()).encode()  # no halves of characters
            elif kind == "application/x-www-form-urlencoded":
                found = dict(
                    parse_qsl(
                        self.body.decode(),
                        keep_blank_values=True,
                        strict_parsing=bool(self.body),
                        errors="strict",
                        max_num_fields=20,
                    )
                )
            else:
                raise Refused(415, "Send a form (application/x-www-form-urlencoded) or JSON.")
        except (ValueError, RecursionError):
            raise Refused(
                400, "The body cannot be read: it is not what its Content-Type says."
            ) from None
        return {k: v.replace("\r\n", "\n").strip() for k, v in found.items()}


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None  # the other side has gone; half a request is none
    except asyncio.LimitOverrunError:
        raise Refused(431, "The head of the request is too long.") from None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not TOKEN.fullmatch(words[0]):
        raise Refused(400, "The first line of the request is not HTTP.")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refused(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if (
            not colon
            or not TOKEN.fullmatch(name)
            or "\n" in value
            or "\r" in value
            or "\0" in value
        ):
            raise Refused(400, "A header line of the request is malformed.")
        if name in headers and name in ("content-length", "host", "content-type"):
            raise Refused(400, f"The request has the header {name} twice.")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    if version == "HTTP/1.1" and "host" not in headers:
        raise Refused(400, "The request does not say which host it is for.")
    if "transfer-encoding" in headers:
        raise Refused(501, "Send the body in one piece, with its Content-Length.")
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise Refused(400, "The Content-Length is not a number.")
    if int(length) > BODY_MAX:
        raise Refused(413, f"The request is too large: {BODY_MAX // 1024} KiB is the most.")
    if method not in ("GET", "HEAD", "POST"):
        raise Refused(405, f"{method} is not possible here.", Allow="GET, HEAD, POST")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise Refused(400, "The address is malformed.")
    if headers.get("expect", "").lower() == "100-continue" and version == "HTTP/1.1":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        return None
    said = [w.strip().lower() for w in headers.get("connection", "").split(",")]
    keep = "close" not in said if version == "HTTP/1.1" else "keep-alive" in said
    return Request(method, unquote(target.partition("?")[0]), headers, body, keep)


@dataclass
class Answer:
    status: int
    body: str
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        body = self.body.encode("utf-8", "replace")
        head = {
            "Content-Type": f"{self.kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
            " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **self.headers,
        }
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            *(f"{k}: {v}" for k, v in head.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def serve(
    answer: Callable[[Request], Awaitable[Answer]],
    refuse: Callable[[Refused], Answer],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """One connection, request after request, until one side has had enough."""
    keep = True
    try:
        while keep:
            try:
                r = await asyncio.wait_for(read_request(reader, writer), PATIENCE)
                if r is None:
                    break
                said, keep, head_only = await answer(r), r.keep, r.method == "HEAD"
            except Refused as e:  # where the next request would begin cannot be told any more
                said, keep, head_only = refuse(e), False, False
            said.headers["Connection"] = "keep-alive" if keep else "close"
            data = bytes(said)
            writer.write(data[: data.index(b"\r\n\r\n") + 4] if head_only else data)
            await asyncio.wait_for(writer.drain(), PATIENCE)
    except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
        pass  # gone, or too slow, or the server ends
    finally:
        writer.close()
