
# The protocol, one request at a time.


class Failure(Exception):
    """An error for the kitchen; `data` as in the protocol: kind, key, advice, ..."""

    def __init__(self, message, **data):
        super().__init__(message)
        self.data = data


def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def note(text):
    """Tells the user what is being done."""
    say(method="output", params={"call": current, "stream": "note", "text": text})


def ask(method, **params):
    """Asks the kitchen in the course of its request."""
    say(id=0, method=method, params={"call": current, **params})
    answer = json.loads(sys.stdin.readline() or sys.exit())
    if "error" in answer:
        raise Failure(answer["error"]["message"], **answer["error"].get("data", {}))
    return answer["result"]


def setting(context, key):
    """A setting, or its default; an error that names it where it has the wrong type."""
    value = context["settings"].get(key)
    if value is None:
        return PROPERTIES[key].get("default")
    types = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    wanted = PROPERTIES[key]["type"]
    if not isinstance(value, types[wanted]):
        raise Failure(f"{value!r} is no {wanted}", kind="config", key=f"/{key}")
    return value


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue  # a notification
    current, method = request["id"], METHODS.get(request["method"])
    try:
        if not method:
            say(id=current, error={"code": -32601, "message": f"no method {request['method']}"})
        else:
            say(id=current, result=method(**request["params"]))
    except Failure as failure:
        say(id=current, error={"code": -32000, "message": str(failure), "data": failure.data})
    except Exception as error:
        say(id=current, error={"code": -32603, "message": f"{type(error).__name__}: {error}"})
