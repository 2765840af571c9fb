"""Where the machines of a job find each other: what `job.sh` asks of the first of them.

Run with the name of another machine of the job, or none, it prints the address of this one as that
one sees it, a port that is free, and a token that nobody else knows.
"""

from __future__ import annotations

import secrets
import socket
import sys

_LOOPBACK = "127.0.0.1"


def address_towards(other: str | None) -> str:
    """The address of this machine on the way to another; on loopback where there is none.

    Its own name may stand for loopback here, and for one of several networks elsewhere.
    """
    if other is None:
        return _LOOPBACK
    family, kind, protocol, _, place = socket.getaddrinfo(other, 1, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as towards:
        towards.connect(place)  # sends nothing
        return str(towards.getsockname()[0])


def free_port(address: str) -> int:
    """A port of this machine that nothing listens on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        return int(listener.getsockname()[1])


def main() -> None:
    """Print address, port and token."""
    address = address_towards(next(iter(sys.argv[1:]), None))
    print(address, free_port(address), secrets.token_hex(32))


if __name__ == "__main__":
    main()
