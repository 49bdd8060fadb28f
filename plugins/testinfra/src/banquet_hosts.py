"""Hands the kitchen's machines to pytest-testinfra; loaded with `-p banquet_hosts`.

A module's `testinfra_hosts` may name machines by suite or instance, or be `["all"]`; without it the
machines that the verifier's settings name are tested. The fixture `peers` has all of them by suite.
"""

import json
import os

import pytest

KNOWN = json.loads(os.environ["KITCHEN_TESTINFRA_HOSTS"])
SUITES = json.loads(os.environ["KITCHEN_TESTINFRA_SUITES"])
DEFAULT = json.loads(os.environ["KITCHEN_TESTINFRA_DEFAULT"])


def spec(name):
    if "://" in name or name not in KNOWN:
        return name
    return KNOWN[name]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    names = getattr(metafunc.module, "testinfra_hosts", None) or DEFAULT
    if list(names) == ["all"]:
        names = SUITES
    metafunc.config.option.hosts = ",".join(spec(name) for name in names)


@pytest.fixture(scope="session")
def peers(request):
    import testinfra

    option = request.config.option
    return {
        suite: testinfra.get_host(KNOWN[suite], ssh_config=option.ssh_config, sudo=option.sudo)
        for suite in SUITES
    }
