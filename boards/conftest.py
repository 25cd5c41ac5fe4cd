# SPDX-License-Identifier: MIT OR Apache-2.0
"""Options of the tests, and the board that they are run on."""

import base64
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import strategy as _  # Environments name its strategy.

DRIVERS = Path(__file__).parents[1] / "drivers"


def pytest_addoption(parser):
    """The options of rloop's own."""
    group = parser.getgroup("rloop")
    group.addoption(
        "--shard", metavar="K/N", help="the share of the checks that this board runs [default: all]"
    )
    group.addoption(
        "--verify", default="", metavar="OPTIONS", help="options for rloop verify, such as --full"
    )
    group.addoption(
        "--reports", metavar="DIR", help="where the reports of rloop verify are kept [default: nowhere]"
    )
    group.addoption(
        "--seconds", type=int, default=3600, help="when rloop verify or a ptest is given up [default: 3600]"
    )


class Board:
    """A board with a shell."""

    def __init__(self, strategy, options):
        self.strategy = strategy
        self.options = options

    def run(self, command, timeout=60):
        """What a command writes; it has to succeed."""
        lines, status = self.try_run(command, timeout)
        assert status == 0, f"{command}: status {status}: {lines[-20:]}"
        return lines

    def try_run(self, command, timeout=60):
        """What a command writes, and its status."""
        self.strategy.transition("shell")
        lines, _, status = self.strategy.shell.run(command, timeout=timeout)
        return lines, status

    def has(self, command):
        """Whether there is such a command."""
        return self.try_run(f"command -v {command}")[1] == 0

    def shipped(self):
        """The modules of this project that the image has."""
        names = sorted(path.parent.name for path in DRIVERS.glob("*/manifest.toml"))
        return [name for name in names if self.try_run(f"modprobe -n {name}")[1] == 0]

    def load(self):
        """Loads all of them."""
        modules = self.shipped()
        assert modules, "the image has none of the modules"
        for module in modules:
            self.run(f"modprobe {module}")
        return modules

    def file(self, path):
        """The text of a file."""
        lines = self.run(f"base64 {path}")
        return base64.b64decode("".join(lines)).decode()

    def verify(self, name, options=""):
        """Runs rloop verify, and keeps its report under that name; what it says of each check, as JUnit XML has it."""
        path = "/tmp/rloop-report.xml"
        errors = "/tmp/rloop-errors"
        _, status = self.try_run(
            f"rloop verify --format junit {options} >{path} 2>{errors}", self.options.seconds
        )
        assert status in (0, 1), f"rloop verify {options}: status {status}: {self.file(errors)}"
        text = self.file(path)
        if self.options.reports:
            reports = Path(self.options.reports)
            reports.mkdir(parents=True, exist_ok=True)
            (reports / f"{name}.xml").write_text(text)
        cases = ElementTree.fromstring(text).findall(".//testcase")
        failed = [
            f"{case.get('classname')}.{case.get('name')}: {case.find('failure').get('message')}"
            for case in cases
            if case.find("failure") is not None
        ]
        assert (status, failed) == (0, [])
        return cases


@pytest.fixture
def board(strategy, pytestconfig):
    """The board, with a shell."""
    strategy.transition("shell")
    return Board(strategy, pytestconfig.option)
