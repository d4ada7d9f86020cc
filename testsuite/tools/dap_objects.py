"""What an editor sees of a C function's arguments, over `gdb -i dap`: their values, and their parts.

    dap_objects.py PID OUTPUT -- GDB...

OUTPUT gets JSON: {name: {"value", "children": [[name, value]]}} of the arguments of the function probe().
"""

import json
import sys
from typing import Any, Dict, List

from dap.responses import (  # type: ignore[import]
    ScopesResponse,
    StackTraceResponse,
    ThreadsResponse,
    VariablesResponse,
)
from dap_client import Session


def variables(session: Session, reference: int) -> List[Any]:
    session.client.variables(reference)
    found: List[Any] = session.body(VariablesResponse).variables
    return found


def main() -> None:
    pid, output = sys.argv[1:3]
    session = Session(sys.argv[sys.argv.index("--") + 1 :])
    client = session.client
    session.event("initialized")
    client.send_request("attach", {"pid": int(pid)})
    client.configuration_done()
    session.event("stopped")
    client.threads()
    threads = session.body(ThreadsResponse).threads
    client.stack_trace(threads[0].id, 0, 10)
    frames = session.body(StackTraceResponse).stackFrames
    frame = next(one for one in frames if one.name == "probe")
    client.scopes(frame.id)
    scopes = session.body(ScopesResponse).scopes
    found: Dict[str, Any] = {}
    for one in variables(
        session, next(each for each in scopes if each.name == "Arguments").variablesReference
    ):
        parts = variables(session, one.variablesReference) if one.variablesReference else []
        found[one.name] = {
            "value": one.value,
            "children": [(part.name, part.value) for part in parts],
        }
    client.disconnect()
    session.to.write(client.send())
    session.to.close()
    with open(output, "w") as file:
        json.dump(found, file)
    session.gdb.wait(60)


if __name__ == "__main__":
    main()
