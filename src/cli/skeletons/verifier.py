#!/usr/bin/env python3
"""Verifier `@NAME@`. This skeleton runs commands on the instance, each a test. The protocol is in
docs/plugin-protocol.md of Banquet.
"""

import json
import sys
import time

PROPERTIES = {
    "commands": {
        "type": "array", "items": {"type": "string"}, "default": [],
        "description": "Commands that must succeed on the instance.",
    },
}

HANDSHAKE = {
    "protocol": "1.0", "name": "@NAME@", "version": "0.1.0", "summary": "commands that must succeed, for a start",
    "schema": {"type": "object", "properties": PROPERTIES},
    "capabilities": {},
    # For `kitchen plugin check @NAME@`.
    "examples": {
        "good": {"commands": ["true", "test -d /"]},
        "failing": {"commands": ["true", "echo no such luck; false"]},
        "wrong": {"settings": {"commands": "true"}, "key": "/commands"},
    },
}


def verify(context, state, connection):
    cases = []
    for command in setting(context, "commands"):
        started = time.monotonic()
        done = ask(
            "connection/exec", connection=connection, command=command, environment=context["environment"], output="both"
        )
        case = {"name": command, "duration": time.monotonic() - started, "status": "passed"}
        if done["exit_code"] != 0:
            printed = done["out"] + done["err"]
            case.update(status="failed", message=f"exit code {done['exit_code']}\n{printed}".strip())
        cases.append(case)
    # Failed tests are cases and no error; no case means that there are no tests.
    return {"cases": cases}


METHODS = {"initialize": lambda **_: HANDSHAKE, "shutdown": lambda: {}, "verifier/verify": verify}
