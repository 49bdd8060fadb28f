#!/usr/bin/env python3
"""EC2 on this machine: moto answers, and behind each of its machines stands a container with sshd.

    cloud.py                 prints where it is, as JSON, and goes when its input ends
    cloud.py COMMAND...      runs COMMAND with the variables that lead the AWS SDKs here, then goes

Any number may run at once: each has a port, a Docker network and a label of its own, and removes
what it made. Needs `pip install moto[server,ec2]`, Docker, and the image banquet/debian-ssh:1
(fixtures/images/build debian-ssh).

Unlike moto alone it takes its time as EC2 does: machines are pending, shutting-down and stopping for
a while; a request that comes again with the same token makes no second machine; the imported key
lets the image's user in, and user data runs. Security groups are not enforced.

Types of machines that fail, whatever else is asked for:
    none.here          no capacity
    no.spot            no spot machine at that price; at the usual price there is
    no.quota           the account may have no more
    dies.early         ends while it starts
    never.answers      is made, and the answer is never sent
    throttled.twice    the first two requests are too many
    throttled.always   every request is
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

IMAGE = os.environ.get("CLOUD_IMAGE", "banquet/debian-ssh:1")
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "eu-west-1"
DEBIAN = "136693071363"
# Whom the containers of an image let in.
USERS = {"ami-0000000000debian1": "admin", "ami-0000000000debian2": "admin"}
AMIS = [
    {
        "ami_id": image,
        "name": name,
        "owner_id": owner,
        "architecture": "x86_64",
        "virtualization_type": "hvm",
        "root_device_type": "ebs",
        "creation_date": date,
        "state": "available",
        "public": True,
        "description": "",
        "image_location": "",
        "image_type": "machine",
        "platform": "",
        "hypervisor": "xen",
        "root_device_name": "/dev/xvda",
        "sriov": "simple",
    }
    for image, name, owner, date in [
        ("ami-0000000000debian1", "debian-12-amd64-20240101-1", DEBIAN, "2024-01-01T00:00:00.000Z"),
        ("ami-0000000000debian2", "debian-12-amd64-20250101-1", DEBIAN, "2025-01-01T00:00:00.000Z"),
        ("ami-00000000000forged", "debian-12-amd64-20990101-1", "666666666666", "2099-01-01T00:00:00.000Z"),
        ("ami-0000000000000own1", "our-own-image", "123456789012", "2024-01-01T00:00:00.000Z"),
    ]
]

with tempfile.NamedTemporaryFile("w", suffix=".json") as amis:
    json.dump(AMIS, amis)
    amis.flush()
    # Read when moto is imported.
    os.environ["MOTO_AMIS_PATH"] = amis.name
    os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"
    os.environ["MOTO_ENABLE_KEYPAIR_VALIDATION"] = "true"
    from moto.core.types import Base64EncodedString
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import instances
    from moto.ec2.models.subnets import Subnet
    from moto.ec2.responses.general import General
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import WSGIRequestHandler, make_server

NAME = f"banquet-cloud-{os.getpid()}-{secrets.token_hex(4)}"
LABEL = f"org.banquet.test.cloud={NAME}"


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    if check and done.returncode:
        print(f"docker {' '.join(arguments)}: {done.stderr}", file=sys.stderr, flush=True)
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def later(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


# What a machine does when it starts: the user and the key at every time, user data at the first.
BOOT = """
id "$LOGIN" >/dev/null 2>&1 || useradd -m -s /bin/bash "$LOGIN"
echo "$LOGIN ALL=(ALL) NOPASSWD: ALL" > "/etc/sudoers.d/$LOGIN"
home=$(getent passwd "$LOGIN" | cut -d: -f6)
mkdir -p "$home/.ssh"
echo "$KEY" > "$home/.ssh/authorized_keys"
chown -R "$LOGIN" "$home/.ssh"
if [ -n "$USER_DATA" ] && ! [ -e /booted ]; then
    echo "$USER_DATA" | base64 -d > /user-data
    chmod +x /user-data
    /user-data &
fi
touch /booted
exec /usr/sbin/sshd -D -e
"""


def network():
    """A Docker network whose range is known, so that machines keep their addresses as EC2's do."""
    for _ in range(50):
        prefix = f"10.{100 + secrets.randbelow(150)}.{secrets.randbelow(256)}"
        made = subprocess.run(
            ["docker", "network", "create", "--label", LABEL, "--subnet", f"{prefix}.0/24", NAME],
            capture_output=True, text=True,
        )
        if made.returncode == 0:
            return [f"{prefix}.{last}" for last in range(10, 250)]
    sys.exit(f"no network: {made.stderr}")


# Addresses that no machine has.
addresses = []


def become(machine, name, code):
    machine._state.name, machine._state.code = name, code


def boot(machine, key):
    """The container behind a machine."""
    if machine.instance_type == "dies.early":
        machine.state_reason = instances.StateReason(
            "Client.VolumeLimitExceeded: Volume limit exceeded", "Client.VolumeLimitExceeded"
        )
        become(machine, "terminated", 48)
        return
    data = machine.user_data if machine.user_data and machine.user_data.decode()[:2] == "#!" else ""
    variables = {"LOGIN": USERS.get(machine.image_id, "root"), "KEY": key, "USER_DATA": data}
    options = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    address = machine.nics[0].private_ip_address = addresses.pop(0)
    docker("run", "-d", "--name", machine.id, "--label", LABEL, "--network", NAME, "--ip", address,
           "--hostname", machine.id, *options, IMAGE, "sh", "-c", BOOT)
    # Somebody may have removed it meanwhile.
    if machine._state.name == "pending":
        become(machine, "running", 16)
    else:
        remove(machine)


def remove(machine):
    if docker("rm", "-f", machine.id, check=False):
        addresses.append(machine.nics[0].private_ip_address)


run_instances = instances.InstanceBackend.run_instances
asked = {}
requests = Counter()
turn = threading.Lock()


# Where EC2 does not answer with 400, as moto always does.
STATUS = {
    b"InsufficientInstanceCapacity": "500 Internal Server Error",
    b"RequestLimitExceeded": "503 Service Unavailable",
}


def refuse(code, message):
    raise EC2ClientError(code, message)


def with_status(application):
    def answer(environment, start):
        said = []
        body = b"".join(application(environment, lambda *head: said.append(head)))
        status, headers = said[0][:2]
        for code, real in STATUS.items():
            if status.startswith("400") and b"<Code>%s</Code>" % code in body:
                status = real
        start(status, headers)
        return [body]

    return answer


def fail(kind, spot):
    """What a type of machine is known to fail with."""
    requests[kind] += 1
    capacity = "We currently do not have sufficient capacity in the zone you requested."
    if kind == "none.here":
        refuse("InsufficientInstanceCapacity", capacity)
    if kind == "no.spot" and spot:
        refuse("SpotMaxPriceTooLow", "Your Spot request price is lower than the minimum required.")
    if kind == "no.quota":
        refuse("VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit allows.")
    if kind == "throttled.always" or kind == "throttled.twice" and requests[kind] <= 2:
        refuse("RequestLimitExceeded", "Request limit exceeded.")


def run(self, image_id, count, user_data, security_group_names, **options):
    kind, token = options["instance_type"], options["client_token"]
    fail(kind, options.get("instance_market_options"))
    shape = (image_id, kind, options.get("subnet_id"), str(options.get("nics")))
    with turn:
        if token in asked:
            before, reservation = asked[token]
            if before != shape:
                refuse("IdempotentParameterMismatch", "The token was used with other parameters.")
            return reservation
        reservation = run_instances(self, image_id, count, user_data, security_group_names, **options)
        asked[token] = shape, reservation
    for machine in reservation.instances:
        become(machine, "pending", 0)
        pair = self.key_pairs.get(machine.key_name)
        later(boot, machine, pair.material_public.decode() if pair else "")
    if kind == "never.answers":
        time.sleep(3600)
    return reservation


def change(name, while_changing, change_machine):
    """A call that answers at once and is done later."""
    original = getattr(instances.Instance, name)

    def begin(self, *arguments, **options):
        result = original(self, *arguments, **options)
        end = self._state.name, self._state.code
        become(self, *while_changing)

        def finish():
            change_machine(self)
            become(self, *end)

        later(finish)
        return result

    setattr(instances.Instance, name, begin)


instances.InstanceBackend.run_instances = run
change("terminate", ("shutting-down", 32), remove)
change("stop", ("stopping", 64), lambda it: docker("stop", "-t", "2", it.id, check=False))
change("start", ("pending", 0), lambda it: docker("start", it.id, check=False))
change("reboot", ("running", 16), lambda it: docker("restart", "-t", "2", it.id, check=False))

full = set()
free = Subnet.available_ip_address_count
Subnet.available_ip_address_count = property(
    lambda self: 0 if self.id in full else free.fget(self)
)


def console(self):
    said = Base64EncodedString.from_raw_string("booting\nno space for the root volume\n")
    from moto.core.responses import ActionResult

    return ActionResult({"InstanceId": self._get_param("InstanceId"), "Output": said})


General.get_console_output = console


class Quiet(WSGIRequestHandler):
    def log(self, kind, message, *arguments):
        if os.environ.get("CLOUD_LOG"):
            super().log(kind, message, *arguments)


def clean():
    left = docker("ps", "-aq", "--filter", f"label={LABEL}", check=False).split()
    if left:
        docker("rm", "-f", *left, check=False)
    docker("network", "rm", NAME, check=False)


def furnish(endpoint):
    """A subnet without addresses beside the default ones."""
    from moto.ec2.models import ec2_backends

    backend = ec2_backends["123456789012"][REGION]
    network = backend.get_default_vpc()
    subnet = backend.create_subnet(network.id, "172.31.128.0/28", availability_zone=f"{REGION}a")
    subnet.add_tags({"Name": "full"})
    full.add(subnet.id)
    roomy = backend.get_default_subnets()[f"{REGION}a"]
    roomy.add_tags({"Name": "roomy"})
    return {"endpoint": endpoint, "region": REGION, "full": subnet.id, "roomy": roomy.id}


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    addresses.extend(network())
    try:
        application = with_status(DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
        server.daemon_threads = True
        later(server.serve_forever)
        facts = furnish(f"http://127.0.0.1:{server.port}")
        if len(sys.argv) > 1:
            variables = {**os.environ, **KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": facts["endpoint"]}
            return subprocess.run(sys.argv[1:], env=variables).returncode
        print(json.dumps(facts), flush=True)
        sys.stdin.buffer.read()
        return 0
    finally:
        clean()


if __name__ == "__main__":
    sys.exit(main())
