"""An S3 on this machine: moto's server, and before it a gate that throttles, drops connections, knows its account."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ACCOUNT = "AKIAFOSSILSFORTESTS1"
ERROR = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>{1}</Message><RequestId>1</RequestId></Error>"


@dataclass
class Trouble:
    """Shares of the requests that something happens to, drawn from a seed; and how often it did."""

    throttled: float = 0.0  # answered by 503 SlowDown
    dropped: float = 0.0  # cut in the middle of the body
    seed: int = 0
    at: int = 0  # the request before which ``act`` is done; 0: none
    act: Callable[[], object] = bool
    counts: dict[str, int] = field(default_factory=lambda: {"asked": 0, "throttled": 0, "dropped": 0})

    def __post_init__(self) -> None:
        self.draws, self.guard = random.Random(self.seed), threading.Lock()

    def draw(self) -> str:
        """What happens to the next request: "throttled", "dropped", or nothing (an empty string)."""
        with self.guard:
            drawn = self.draws.random()
            fate = "throttled" if drawn < self.throttled else "dropped" if drawn > 1 - self.dropped else ""
            for name in filter(None, ("asked", fate)):
                self.counts[name] += 1
            if self.counts["asked"] == self.at:
                self.act()
        return fate


class _Gate(BaseHTTPRequestHandler):
    """Passes a request on to moto, or spoils it."""

    protocol_version = "HTTP/1.1"
    server: _GateServer

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fate = self.server.trouble.draw()
        if fate == "throttled":
            self._refuse(503, "SlowDown", "Please reduce your request rate.")
        elif f"Credential={ACCOUNT}/" not in self.headers.get("Authorization", ""):
            self._refuse(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        else:
            self._pass_on(body, is_cut=fate == "dropped")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # http.server's names

    def _pass_on(self, body: bytes, *, is_cut: bool) -> None:
        connection = HTTPConnection(*self.server.moto, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        found = connection.getresponse()
        content = found.read()
        connection.close()
        headers = {name: value for name, value in found.getheaders() if name.lower() not in _OWN}
        self._send(found.status, headers, content, is_cut=is_cut)

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = b"" if self.command == "HEAD" else ERROR.format(code, message).encode()
        self._send(status, {"Content-Type": "application/xml"}, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes, *, is_cut: bool = False) -> None:
        size = headers.pop("Content-Length", None) if self.command == "HEAD" else None
        self.send_response(status)
        for name, value in (headers | {"Content-Length": size or str(len(content))}).items():
            if name.lower() != "content-length" or status != 204:
                self.send_header(name, value)
        self.close_connection = is_cut
        if not (is_cut and not content):  # a cut answer without a body does not come at all
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if is_cut else content)

    def log_message(self, *_: Any) -> None:
        """Silence."""


_OWN = ("connection", "transfer-encoding", "date", "server")


class _GateServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, moto: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Gate)
        self.moto, self.trouble = moto, Trouble()

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""


class S3:
    """A running service without buckets; used in a ``with``."""

    def __enter__(self) -> S3:
        from moto.server import ThreadedMotoServer

        self._moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every request
        self._moto.start()
        self._gate = _GateServer(self._moto.get_host_and_port())
        threading.Thread(target=self._gate.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.shutdown()
        self._gate.server_close()
        with suppress(HTTPException, OSError):
            self._moto.stop()

    @property
    def address(self) -> str:
        """Where clients are to turn to: the gate."""
        return f"http://127.0.0.1:{self._gate.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client's process use this service, and nothing of the machine's own account."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def trouble(self, trouble: Trouble) -> Trouble:
        """From now on, this happens."""
        self._gate.trouble = trouble
        return trouble

    @property
    def client(self) -> Any:
        """boto3's, straight to moto: whoever prepares and checks has no trouble."""
        import boto3

        host, port = self._moto.get_host_and_port()
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "none", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)

    def upload(self, folder: Path, bucket: str, prefix: str = "") -> None:
        """A folder's files into a bucket that is made for them, if need be."""
        client = self.client
        client.create_bucket(Bucket=bucket)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{prefix}{path.relative_to(folder).as_posix()}"
            client.put_object(Bucket=bucket, Key=name, Body=path.read_bytes())

    def contents(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """Name below the prefix, and bytes, of what is in a bucket."""
        client, found = self.client, {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                body = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                found[entry["Key"].removeprefix(prefix)] = body
        return found

    def remove_bucket(self, bucket: str) -> None:
        """With all that is in it."""
        client = self.client
        for name in self.contents(bucket):
            client.delete_object(Bucket=bucket, Key=name)
        client.delete_bucket(Bucket=bucket)
