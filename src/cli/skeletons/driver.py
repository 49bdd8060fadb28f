#!/usr/bin/env python3
"""Driver `@NAME@`. A machine of this skeleton is a file with labels; put your platform's calls into
`make`, `remove` and `machines`. The protocol is in docs/plugin-protocol.md of Banquet.
"""

import json
import os
import sys
import uuid

PROPERTIES = {
    "image": {"type": "string", "default": "default", "description": "What the machine is made from."},
}

HANDSHAKE = {
    "protocol": "1.0", "name": "@NAME@", "version": "0.1.0", "summary": "machines that are files, for a start",
    "schema": {"type": "object", "properties": PROPERTIES},
    # Once your machines have a network of their own, take `workstation` out and name their transport.
    "capabilities": {"methods": ["driver/orphans", "driver/reclaim"], "workstation": True, "transport": "exec"},
}


def make(context, machine, image):
    """Makes a machine that bears the whole identity, so that it is found when the state is lost."""
    path = os.path.join(context["kitchen_dir"], "@NAME@", machine)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as file:
        json.dump({"identity": context["identity"], "image": image}, file)
    os.rename(path + ".new", path)


def remove(context, machine):
    """Removes a machine; gone already is success."""
    path = os.path.join(context["kitchen_dir"], "@NAME@", machine)
    if os.path.exists(path):
        os.remove(path)


def machines(context):
    """All machines that this driver has ever made and not removed: their ids and identities."""
    base = os.path.join(context["kitchen_dir"], "@NAME@")
    found = {}
    for machine in os.listdir(base) if os.path.isdir(base) else []:
        if not machine.endswith(".new"):
            with open(os.path.join(base, machine)) as file:
                found[machine] = json.load(file)["identity"]
    return found


def create(context, state):
    image = setting(context, "image")
    state.setdefault("machine_id", uuid.uuid4().hex[:16])
    # First it is noted, then it is made: a crash leaves nothing that destroy does not find.
    ask("state/checkpoint", state=state)
    if state["machine_id"] not in machines(context):
        note(f"making {state['machine_id']} from {image}")
        make(context, state["machine_id"], image)
    state["hostname"] = state["address"] = "127.0.0.1"
    return {"state": state}


def destroy(context, state):
    mine = [context["identity"][key] for key in ("project", "instance")]
    for machine, identity in machines(context).items():
        if [identity["project"], identity["instance"]] == mine or machine == state.get("machine_id"):
            remove(context, machine)
    for key in ("machine_id", "hostname", "address"):
        state.pop(key, None)
    return {"state": state}


def status(context, state):
    return {"status": "running" if state.get("machine_id") in machines(context) else "absent"}


def orphans(context):
    """Everything that bears labels of ours, of any project: what `kitchen gc` goes through."""
    found = machines(context).items()
    return {"orphans": [{"identity": identity, "resource": f"machine {it}", "names": [it]} for it, identity in found]}


def reclaim(context, orphan):
    for machine, identity in machines(context).items():
        if machine in orphan["names"] and identity == orphan["identity"]:
            remove(context, machine)
    return {"reclaimed": True}


METHODS = {
    "initialize": lambda **_: HANDSHAKE, "shutdown": lambda: {},
    "driver/create": create, "driver/destroy": destroy, "driver/status": status,
    "driver/orphans": orphans, "driver/reclaim": reclaim,
}
