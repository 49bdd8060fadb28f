#!/usr/bin/env python3
"""Transport `@NAME@`. A machine of this skeleton is the workstation; put your way to machines into
`shell`, `copy` and `dial`. The protocol is in docs/plugin-protocol.md of Banquet.

Commands on one connection run at the same time: each request is a thread of its own.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

PROPERTIES = {
    "shell": {"type": "string", "default": "/bin/sh", "description": "What runs commands."},
}

HANDSHAKE = {
    "protocol": "1.0", "name": "@NAME@", "version": "0.1.0", "summary": "the workstation, for a start",
    "schema": {"type": "object", "properties": PROPERTIES},
    "capabilities": {"concurrent": True},
    # For `kitchen plugin check @NAME@`.
    "examples": {"driver": {"name": "exec"}, "exempt": {"dial to a listening port": "no port is free for sure"}},
}

connections = {}
running = {}  # processes by the request that they run for
cancelled = set()
speaking = threading.Lock()
counting = threading.Lock()


class Failure(Exception):
    """An error for the kitchen; `data` as in the protocol: kind, key, advice, ..."""

    def __init__(self, message, **data):
        super().__init__(message)
        self.data = data


def connect(call, context, state):
    """Waits until the machine takes commands."""
    shell = context["settings"].get("shell") or PROPERTIES["shell"]["default"]
    if not isinstance(shell, str):
        raise Failure(f"{shell!r} is no string", kind="config", key="/shell")
    with counting:
        name = f"c{len(connections)}"
        connections[name] = {"shell": shell, "root": context["root"]}
    return {"connection": name}


def login(call, context, state):
    shell = context["settings"].get("shell") or PROPERTIES["shell"]["default"]
    return {"program": shell, "arguments": [], "environment": {}}


def run(call, connection, command, environment=None, stdin=None, stdin_base64=None, user=None, **_):
    """Runs a command; what it prints is passed on line by line, as it comes."""
    way = connections[connection]
    words = ["sudo", "-n", "-E", "-u", user, "--"] if user else []
    given = base64.b64decode(stdin_base64) if stdin_base64 is not None else (stdin or "").encode()
    process = subprocess.Popen(
        words + [way["shell"], "-c", command], cwd=way["root"], env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )
    with counting:
        running[call] = process
    if call in cancelled:
        end(call)
    threading.Thread(target=feed, args=(process, given), daemon=True).start()
    streams = [
        threading.Thread(target=pass_on, args=(call, name, stream), daemon=True)
        for name, stream in (("out", process.stdout), ("err", process.stderr))
    ]
    for stream in streams:
        stream.start()
    code = process.wait()
    for stream in streams:
        # What it left in the background may hold its output open, and is not waited for.
        stream.join(timeout=0.5)
    with counting:
        del running[call]
    return {"exit_code": code if code >= 0 else 128 - code}


def feed(process, given):
    try:
        process.stdin.write(given)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it need not read


def pass_on(call, name, stream):
    for line in stream:
        text = line.decode(errors="replace").rstrip("\n")
        say(method="output", params={"call": call, "stream": name, "text": text})


def end(call):
    """Ends the command of a request, with all that it started."""
    cancelled.add(call)
    process = running.get(call)
    if process:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def copy(sources, root, target):
    """Copies files and directories into a directory, which is made."""
    target = os.path.join(root, target)
    os.makedirs(target, exist_ok=True)
    for source in sources:
        source = os.path.join(root, source)
        place = os.path.join(target, os.path.basename(os.path.normpath(source)))
        if os.path.isdir(source):
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, place)
    return {}


def upload(call, connection, locals, remote):
    return copy(locals, connections[connection]["root"], remote)


def download(call, connection, remotes, local):
    return copy(remotes, connections[connection]["root"], local)


def dial(call, connection, port):
    """Where the port can be had on the workstation, once."""
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        return {"tcp": f"127.0.0.1:{port}"}


METHODS = {
    "initialize": lambda call, **_: HANDSHAKE, "shutdown": lambda call: {},
    "transport/connect": connect, "transport/login": login, "connection/exec": run,
    "connection/upload": upload, "connection/download": download, "connection/dial": dial,
    "connection/close": lambda call, connection: connections.pop(connection, None) and {} or {},
}


# The protocol, many requests at a time.


def say(**message):
    text = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
    with speaking:
        sys.stdout.write(text)
        sys.stdout.flush()


def answer(call, name, params):
    method = METHODS.get(name)
    try:
        if not method:
            say(id=call, error={"code": -32601, "message": f"no method {name}"})
            return
        result = method(call, **params)
        if call in cancelled:
            say(id=call, error={"code": -32800, "message": "cancelled"})
        else:
            say(id=call, result=result)
    except Failure as failure:
        say(id=call, error={"code": -32000, "message": str(failure), "data": failure.data})
    except OSError as error:
        say(id=call, error={"code": -32000, "message": str(error)})


for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "$/cancelRequest":
        end(request["params"]["id"])
    elif "id" in request:
        threading.Thread(target=answer, args=(request["id"], request["method"], request["params"]), daemon=True).start()
