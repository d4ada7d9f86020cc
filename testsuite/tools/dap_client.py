"""What an editor sees: attaches to a process with `gdb -i dap` and writes the stack frames that it is told.

    dap_client.py PID FRAMES SCOPES -- GDB...

Speaks through dap-python, a client of the Debug Adapter Protocol.  FRAMES gets a JSON list of the main thread's
frames, asked for in pieces as editors do; SCOPES, for each of the first ones, the names of its scopes.
"""

import json
import os
import subprocess
import sys

from dap import Client
from dap.base import Event, Response
from dap.handler import Handler
from dap.responses import ScopesResponse, StackTraceResponse, ThreadsResponse

PIECE = 20
SCOPES = 40


class Messages(Handler):
    """dap-python's own refuses events and responses without a body, of which gdb has many."""

    BODIES = ("threads", "stackTrace", "scopes")

    def handle_event(self, event):
        return event

    def handle_response(self, response):
        if response.success and response.command in self.BODIES:
            return super().handle_response(response)
        return response


class Session:
    def __init__(self, command):
        self.gdb = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.client = Client("gdb")
        self.client.handler = Messages(self.client)
        self.waiting = []

    def _receive(self):
        data = self.client.send()
        if data:
            self.gdb.stdin.write(data)
            self.gdb.stdin.flush()
        data = os.read(self.gdb.stdout.fileno(), 65536)
        if not data:
            raise SystemExit("gdb is gone: %s" % self.gdb.wait())
        return list(self.client.receive(data))

    def wait(self, wanted):
        """The next message for which `wanted` is true; an error of gdb's ends the program."""
        while True:
            for i, message in enumerate(self.waiting):
                if isinstance(message, Response) and not message.success:
                    raise SystemExit("gdb says: %s" % message)
                if wanted(message):
                    return self.waiting.pop(i)
            self.waiting += self._receive()

    def body(self, kind):
        return self.wait(lambda message: isinstance(message, kind))

    def event(self, name):
        return self.wait(lambda message: isinstance(message, Event) and message.event == name)


def main():
    pid, frames_path, scopes_path = sys.argv[1:4]
    session = Session(sys.argv[sys.argv.index("--") + 1 :])
    client = session.client
    session.event("initialized")
    client.send_request("attach", {"pid": int(pid)})
    client.configuration_done()
    session.event("stopped")
    client.threads()
    threads = session.body(ThreadsResponse).threads
    frames = []
    while True:
        client.stack_trace(threads[0].id, len(frames), PIECE)
        piece = session.body(StackTraceResponse).stackFrames
        frames += piece
        if len(piece) < PIECE:
            break
    scopes = []
    for frame in frames[:SCOPES]:
        client.scopes(frame.id)
        scopes.append([scope.name for scope in session.body(ScopesResponse).scopes])
    client.disconnect()
    session.gdb.stdin.write(client.send())
    session.gdb.stdin.close()
    with open(frames_path, "w") as file:
        json.dump([frame.model_dump() for frame in frames], file)
    with open(scopes_path, "w") as file:
        json.dump(scopes, file)
    session.gdb.wait(60)


if __name__ == "__main__":
    main()
