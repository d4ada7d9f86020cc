#!/usr/bin/env python3
"""A collector that remembers what it got:  otlp_collector.py LOG ANSWER...

Serves HTTP on a free port of this machine, which is the first line of LOG; a JSON object a request follows: its path,
headers, and what the published OpenTelemetry protocol says is in it ("samples", "values", "functions"; null where that
is not installed).  ANSWER is for one request each, the last for all others: a status, with `:SECONDS` for Retry-After
and `=TEXT` for the body; "partial" takes the request and leaves out 7 profiles; "hang" never answers.
"""

import http.server
import importlib
import json
import sys
import threading
from typing import Any, Dict, List, Optional

service: Any
try:
    service = importlib.import_module(
        "opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2"
    )
except ImportError:
    service = None


def understood(body: bytes) -> Optional[Dict[str, Any]]:
    if service is None:
        return None
    request = service.ExportProfilesServiceRequest()
    request.ParseFromString(body)
    texts = request.dictionary.string_table
    samples = [
        sample
        for resource in request.resource_profiles
        for scope in resource.scope_profiles
        for profile in scope.profiles
        for sample in profile.samples
    ]
    return {
        "samples": sum(len(sample.values) for sample in samples),
        "values": sum(value for sample in samples for value in sample.values),
        "functions": sorted(
            {texts[one.name_strindex] for one in request.dictionary.function_table} - {""}
        ),
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log: Any
    answers: List[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        entry = {"path": self.path, "headers": dict(self.headers), "profile": understood(body)}
        Handler.log.write(json.dumps(entry) + "\n")
        Handler.log.flush()
        answer = Handler.answers[0]
        if len(Handler.answers) > 1:
            Handler.answers.pop(0)
        if answer == "hang":
            threading.Event().wait()
        status, _, text = answer.partition("=")
        status, _, wait = status.partition(":")
        reply = text.encode()
        if answer == "partial":
            # partial_success {rejected_profiles: 7, error_message: "too old"}
            status, reply = "200", b"\x0a\x0b\x08\x07\x12\x07too old"
        self.send_response(int(status))
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main() -> None:
    Handler.answers = sys.argv[2:]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, open(
        sys.argv[1], "w"
    ) as log:
        log.write("%d\n" % server.server_address[1])
        log.flush()
        Handler.log = log
        server.serve_forever()


if __name__ == "__main__":
    main()
