"""S3 as moto's server answers it on loopback, and what may lie between it and a store."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

BUCKET = "studies"
KEY_ID, SECRET = "AKIATHEKEYOFTHETEST", "thesecretofthetest"


def environment(endpoint: str, cache: object) -> dict[str, str]:
    """What a process is told of a server, keys included, and where its cache is."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "TRANSFER_STUDY_CACHE": str(cache),
    }


@contextmanager
def moto_server() -> Iterator[str]:
    """A server with one bucket, in a process of its own, by its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    endpoint, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            with suppress(OSError):
                urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=30).close()
                break
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        yield endpoint
    finally:
        process.terminate()
        process.wait()


@dataclass
class Between:
    """A proxy before a server: the requests that it has seen, and what it does to each.

    `fault` is told the method, the path and how many such requests there were, from 1. It may
    return a status to answer with, or `lost` (carried out, not answered), `cut` (the half of it
    arrives), `silent` (never answered, not carried out) or `hung up`.
    """

    server: str
    fault: Callable[[str, str, int], int | str | None] = lambda *_: None
    seen: list[tuple[str, str]] = field(default_factory=list)
    endpoint: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def between(server: str) -> Iterator[Between]:
    """A proxy before a server, that does nothing yet."""
    proxy = Between(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _pass_on(self) -> None:
            path = self.path.split("?")[0]
            proxy.seen.append((self.command, path))
            how = proxy.fault(self.command, path, proxy.seen.count((self.command, path)))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if isinstance(how, int):
                said = f"<Error><Code>Some</Code><Key>{KEY_ID}</Key></Error>".encode()
                self._answer(how, [("Content-Type", "application/xml")], said)
                return
            if how in ("silent", "hung up"):
                if how == "silent":
                    proxy.over.wait(10)
                self.close_connection = True
                return
            if how == "cut":
                body = body[: len(body) // 2]
            dropped = ("connection", "content-length", "transfer-encoding")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
            host = proxy.server.removeprefix("http://")
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if how == "lost":
                self.close_connection = True
                return
            told = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
            self._answer(answer.status, told, content)

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.daemon_threads = True
    proxy.endpoint = f"http://127.0.0.1:{serving.server_port}"
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.over.set()
        serving.shutdown()
        serving.server_close()
