#!/usr/bin/env python3
"""Provisioner `@NAME@`. This skeleton runs a command on the instance. The protocol is in
docs/plugin-protocol.md of Banquet.
"""

import json
import sys

PROPERTIES = {
    "command": {"type": "string", "default": "true", "description": "What is run on the instance."},
}

HANDSHAKE = {
    "protocol": "1.0", "name": "@NAME@", "version": "0.1.0", "summary": "a command on the instance, for a start",
    "schema": {"type": "object", "properties": PROPERTIES},
    "capabilities": {},
    # For `kitchen plugin check @NAME@`.
    "examples": {
        "good": {"command": "echo done"},
        "failing": {"command": "exit 3"},
        "wrong": {"settings": {"command": ["a list"]}, "key": "/command"},
    },
}


def converge(context, state, connection):
    command = setting(context, "command")
    note(f"running {command}")
    done = ask(
        "connection/exec", connection=connection, command=command, environment=context["environment"], output="show"
    )
    code = done["exit_code"]
    if code != 0:
        raise Failure(f"{command}: exit code {code}", kind="action", exit_code=code)
    # What was changed, a line each; none where it cannot be told. With "provisioner/tells_changes"
    # among the methods it must always be told, and steps may be `idempotent`.
    return {"changes": None}


METHODS = {"initialize": lambda **_: HANDSHAKE, "shutdown": lambda: {}, "provisioner/converge": converge}
