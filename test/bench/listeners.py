#!/usr/bin/python3
"""Listens to a board with so many connections, as people's browsers do, and changes it so often.

listeners.py PORT COUNT CHANGES SECONDS, the token in TOKEN: prints an empty line when all have the board, changes it
every so many seconds, and prints in the end how many seconds each of them took to see each change."""

import http.client
import json
import os
import select
import socket
import sys
import time

PORT, COUNT, CHANGES = (int(argument) for argument in sys.argv[1:4])
SECONDS = float(sys.argv[4])
AUTHORIZATION = "Bearer " + os.environ["TOKEN"]
REQUEST = f"GET /competition/live/board-events HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n\r\n"
AWARD = json.dumps({"user_id": "u1", "group_id": "live", "points": 1})


def read(poll, sockets, until, told, seen):
    """Reads what comes until then, and notes when somebody is told that."""
    while (left := until - time.time()) > 0:
        for fd, _ in poll.poll(left):
            text = sockets[fd].recv(65536)
            if not text:
                sys.exit("a listener was let go")
            if told in text:
                seen.append(time.time())


def main():
    poll, sockets, there, delays = select.epoll(), {}, [], []
    for _ in range(COUNT):
        one = socket.create_connection(("127.0.0.1", PORT))
        one.sendall(REQUEST.encode())
        sockets[one.fileno()] = one
        poll.register(one.fileno(), select.EPOLLIN)
    while len(there) < COUNT:
        read(poll, sockets, time.time() + 0.5, b'"snapshot":true', there)
    print(flush=True)
    client = http.client.HTTPConnection("127.0.0.1", PORT)
    for _ in range(CHANGES):
        client.request("POST", "/add_points", AWARD, {"Authorization": AUTHORIZATION, "Content-Type": "application/json"})
        client.getresponse().read()
        changed_at, seen = time.time(), []
        read(poll, sockets, changed_at + SECONDS, b'"snapshot":false', seen)
        delays += [at - changed_at for at in seen]
    print("\n".join(map(str, delays)))


main()
