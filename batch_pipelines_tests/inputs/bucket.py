"""A bucket on loopback: as much of the protocol of S3 as reading takes, and writing objects that are small."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

MODIFIED = "2026-11-22T12:00:00.000Z"


class Bucket(ThreadingHTTPServer):
    """Serves objects by their keys; a key that is not there is answered with 404."""

    daemon_threads = True

    def __init__(self, name: str, objects: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.objects = dict(objects)
        self.ranges: list[str] = []
        """Of the parts that were asked for."""
        self.is_read_only = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def served_bucket(name: str, objects: dict[str, bytes]) -> Iterator[Bucket]:
    """A bucket that answers while the block lasts."""
    with Bucket(name, objects) as bucket:
        thread = threading.Thread(target=bucket.serve_forever, daemon=True)
        thread.start()
        try:
            yield bucket
        finally:
            bucket.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.is_read_only:
            self._send(403, b"<Error><Code>AccessDenied</Code><Message>you may not</Message></Error>")
            return
        _, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        self.server.objects[key] = content
        self._send(200, b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
        """Nobody reads it."""

    def _answer(self) -> None:
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        _, _, key = unquote(address.path).lstrip("/").partition("/")
        if "list-type" in asked:
            self._send(200, self._listing(asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0]))
        elif key in self.server.objects:
            self._send_part(self.server.objects[key])
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")

    def _listing(self, prefix: str, delimiter: str) -> bytes:
        contents, folders = [], set()
        for key, data in sorted(self.server.objects.items()):
            rest = key.removeprefix(prefix)
            if not key.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            contents.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>x</ETag>"
                f"<LastModified>{MODIFIED}</LastModified></Contents>"
            )
        common = [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in sorted(folders)]
        inside = "".join([*contents, *common])
        head = f"<Name>{self.server.name}</Name><IsTruncated>false</IsTruncated>"
        return f"<?xml version='1.0'?><ListBucketResult>{head}{inside}</ListBucketResult>".encode()

    def _send_part(self, data: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted is None:
            self._send(200, data)
            return
        self.server.ranges.append(wanted)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(data)), len(data) - 1)
        self._send(206, data[begin : end + 1], {"Content-Range": f"bytes {begin}-{end}/{len(data)}"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 12:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
