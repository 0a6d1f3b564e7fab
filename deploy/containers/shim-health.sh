#!/bin/bash
# Does the shim of this container live?  The image has no HTTP client; bash can open a connection.
set -u
lives() {
  exec 3<>"/dev/tcp/$1/${EDURANGE_PORT:-8000}" &&
    printf 'GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3 &&
    IFS= read -r line <&3 &&
    [ "${line#HTTP/1.1 200 }" != "$line" ]
}
(lives 127.0.0.1) 2>/dev/null || (lives ::1)
