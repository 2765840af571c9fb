"""A hub on loopback: as much of the hub's HTTP interface as its clients need to fetch folders."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """Serves repositories, `models/NAME` and `datasets/NAME`, each a folder with one commit."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running(repositories: dict[str, Path]) -> Iterator[Hub]:
    hub = Hub(repositories)
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


def commit_of(name: str) -> str:
    return hashlib.sha1(name.encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        self.server.asked.append(f"{self.command} {self.path}")

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        if path.startswith("api/"):
            self._describe(path.removeprefix("api/"), body)
        elif "/resolve/" in path:
            name, _, rest = path.partition("/resolve/")
            name = name if name.startswith("datasets/") else f"models/{name}"
            self._send_file(name, rest.split("/", 1)[1])
        else:
            self._refuse("EntryNotFound")

    def _describe(self, path: str, body: bytes) -> None:
        parts = path.split("/")
        name, rest = "/".join(parts[:3]), parts[3:]
        folder = self.server.repositories.get(name)
        if folder is None:
            self._refuse("RepoNotFound")
            return
        files = [
            {"type": "file", "path": p.relative_to(folder).as_posix(), "size": p.stat().st_size}
            | {"oid": commit_of(str(p))}
            for p in sorted(folder.rglob("*"))
            if p.is_file()
        ]
        if rest[:1] == ["tree"]:
            self._send(json.dumps([f for f in files if "/".join(rest[2:]) in f["path"]]).encode())
        elif rest[:1] == ["paths-info"]:
            wanted = parse_qs(body.decode()).get("paths") or json.loads(body)["paths"]
            self._send(json.dumps([file for file in files if file["path"] in wanted]).encode())
        elif not rest or (rest[0] == "revision" and rest[1] in ("main", commit_of(name))):
            siblings = [{"rfilename": file["path"]} for file in files]
            said = {"id": "/".join(parts[1:3]), "sha": commit_of(name), "siblings": siblings}
            self._send(json.dumps({**said, "tags": [], "private": False, "gated": False}).encode())
        else:
            self._refuse("RevisionNotFound")

    def _send_file(self, name: str, path: str) -> None:
        folder = self.server.repositories.get(name)
        file = folder / path if folder else None
        if file is None or not file.is_file():
            self._refuse("EntryNotFound" if folder else "RepoNotFound")
            return
        content = file.read_bytes()
        self._send(content, ETag=f'"{hashlib.sha256(content).hexdigest()}"', commit=commit_of(name))

    def _send(self, content: bytes, *, ETag: str = "", commit: str = "") -> None:  # noqa: N803
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        for key, value in (("ETag", ETag), ("X-Repo-Commit", commit)):
            if value:
                self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
