"""What an editor sees: attaches to a process with `gdb -i dap` and writes the stack frames that it is told.

    dap_client.py PID FRAMES SCOPES -- GDB...

Speaks through dap-python, a client of the Debug Adapter Protocol.  FRAMES gets a JSON list of the main thread's
frames, asked for in pieces as editors do; SCOPES, for each of the first ones, {"frame": its name, "scopes": {name:
[[name, value, [[name, value] of its children]], ...]}}, with the variables of "Arguments" and "Locals" alone.
"""

import json
import os
import subprocess
import sys
from typing import IO, Any, Callable, Dict, List

from dap import Client  # type: ignore[import]
from dap.base import Event, Response  # type: ignore[import]
from dap.handler import Handler  # type: ignore[import]
from dap.responses import (  # type: ignore[import]
    ScopesResponse,
    StackTraceResponse,
    ThreadsResponse,
    VariablesResponse,
)

PIECE = 20
SCOPES = 40


class Messages(Handler):  # type: ignore[misc]
    """dap-python's own refuses events and responses without a body, of which gdb has many."""

    BODIES = ("threads", "stackTrace", "scopes", "variables")

    def handle_event(self, event: Event) -> Any:
        return event

    def handle_response(self, response: Response) -> Any:
        if response.success and response.command in self.BODIES:
            return super().handle_response(response)
        return response


class Session:
    def __init__(self, command: List[str]) -> None:
        self.gdb = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.gdb.stdin and self.gdb.stdout
        self.to: IO[bytes] = self.gdb.stdin
        self.come: IO[bytes] = self.gdb.stdout
        self.client = Client("gdb")
        self.client.handler = Messages(self.client)
        self.waiting: List[Any] = []

    def _receive(self) -> List[Any]:
        data = self.client.send()
        if data:
            self.to.write(data)
            self.to.flush()
        data = os.read(self.come.fileno(), 65536)
        if not data:
            raise SystemExit("gdb is gone: %s" % self.gdb.wait())
        return list(self.client.receive(data))

    def wait(self, wanted: Callable[[Any], bool]) -> Any:
        """The next message for which `wanted` is true; an error of gdb's ends the program."""
        while True:
            for i, message in enumerate(self.waiting):
                if isinstance(message, Response) and not message.success:
                    raise SystemExit("gdb says: %s" % message)
                if wanted(message):
                    return self.waiting.pop(i)
            self.waiting += self._receive()

    def body(self, kind: type) -> Any:
        return self.wait(lambda message: isinstance(message, kind))

    def event(self, name: str) -> Any:
        return self.wait(lambda message: isinstance(message, Event) and message.event == name)


def variables(session: Session, reference: int) -> List[Any]:
    session.client.variables(reference)
    found: List[Any] = session.body(VariablesResponse).variables
    return found


def opened(session: Session, scope: Any) -> List[Any]:
    """Its variables, each with its children."""
    if scope.name not in ("Arguments", "Locals"):
        return []
    found: List[Any] = []
    for one in variables(session, scope.variablesReference):
        children = variables(session, one.variablesReference) if one.variablesReference else []
        found.append([one.name, one.value, [[child.name, child.value] for child in children]])
    return found


def main() -> None:
    pid, frames_path, scopes_path = sys.argv[1:4]
    session = Session(sys.argv[sys.argv.index("--") + 1 :])
    client = session.client
    session.event("initialized")
    client.send_request("attach", {"pid": int(pid)})
    client.configuration_done()
    session.event("stopped")
    client.threads()
    threads = session.body(ThreadsResponse).threads
    frames: List[Any] = []
    while True:
        client.stack_trace(threads[0].id, len(frames), PIECE)
        piece = session.body(StackTraceResponse).stackFrames
        frames += piece
        if len(piece) < PIECE:
            break
    scopes = []
    for frame in frames[:SCOPES]:
        client.scopes(frame.id)
        of: Dict[str, Any] = {}
        for scope in session.body(ScopesResponse).scopes:
            of[scope.name] = opened(session, scope)
        scopes.append({"frame": frame.name, "scopes": of})
    client.disconnect()
    session.to.write(client.send())
    session.to.close()
    with open(frames_path, "w") as file:
        json.dump([frame.model_dump() for frame in frames], file)
    with open(scopes_path, "w") as file:
        json.dump(scopes, file)
    session.gdb.wait(60)


if __name__ == "__main__":
    main()
