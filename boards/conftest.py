# SPDX-License-Identifier: MIT OR Apache-2.0
"""Options of the tests, and the board that they are run on."""

import gzip
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kernel_log import complaints
from pexpect import TIMEOUT
from strategy import Status  # Environments name the strategy there.

REPOSITORY = Path(__file__).parents[1]
# Where udev runs, it and what it starts have a new device open for a moment, and its module can't go. It goes by rmmod, as
# modprobe -r, if it is busybox's, fails where another driver still needs what this one needs as well.
UNLOAD = "if command -v udevadm >/dev/null; then udevadm settle; fi && rmmod"


def pytest_addoption(parser):
    """The options of rloop's own."""
    group = parser.getgroup("rloop")
    group.addoption(
        "--shard",
        metavar="K/N",
        help="the share of the checks that this board runs [default: all]",
    )
    group.addoption(
        "--verify",
        default="",
        metavar="OPTIONS",
        help="options for rloop verify, such as --full",
    )
    group.addoption(
        "--reports",
        type=Path,
        metavar="DIR",
        help="where the reports of rloop verify are kept [default: nowhere]",
    )
    group.addoption(
        "--seconds",
        type=int,
        default=3600,
        help="when rloop verify or a ptest is given up [default: 3600]",
    )


class Board:
    """A board with a shell."""

    def __init__(self, strategy, options):
        self.strategy = strategy
        self.options = options

    def try_run(self, command, timeout=60):
        """What a command writes, line by line, and its status."""
        self.strategy.transition(Status.shell)
        try:
            lines, _, status = self.strategy.shell.run(command, timeout=timeout)
        except TIMEOUT:
            self.strategy.lose()
            pytest.fail(f"{command}: it has not ended after {timeout} s")
        return lines, status

    def run(self, command, timeout=60):
        """The same of a command that has to succeed, without the status."""
        lines, status = self.try_run(command, timeout)
        assert status == 0, f"{command}: status {status}: {lines[-20:]}"
        return lines

    def text(self, command):
        """What a command writes, however much it is: packed, as a serial line is slow."""
        self.run(f"{command} >/tmp/rloop-text", 300)
        # POSIX's, which busybox has in any image: an address, and bytes in octal. Its base64 oe-core leaves out.
        dump = self.run("gzip -c /tmp/rloop-text | od -v -b", 300)
        packed = bytes(int(byte, 8) for line in dump for byte in line.split()[1:])
        return gzip.decompress(packed).decode()

    def has(self, command):
        """Whether there is such a command."""
        return self.try_run(f"command -v {command}")[1] == 0

    def shipped(self):
        """The modules of this project that the image has."""
        manifests = sorted(REPOSITORY.glob("drivers/*/manifest.toml"))
        names = [manifest.parent.name for manifest in manifests]
        # busybox's modprobe knows no -n.
        return [name for name in names if self.try_run(f"modprobe -D {name}")[1] == 0]

    def load(self):
        """Loads all of them."""
        modules = self.shipped()
        assert modules, "the image has none of the modules"
        for module in modules:
            self.run(f"modprobe {module}")
        return modules

    def unload(self):
        """Takes all of them out again."""
        for module in self.shipped():
            self.run(f"{UNLOAD} {module}")

    def complaints(self):
        """What the kernel has complained of since it booted."""
        return complaints(self.text("dmesg"))

    def verify(self, name, options=""):
        """Runs rloop verify, of which no check may fail, and keeps its report under that name; how many passed."""
        report = "/tmp/rloop-report.xml"
        errors = "/tmp/rloop-errors"
        _, status = self.try_run(
            f"rloop verify --format junit {options} >{report} 2>{errors}",
            self.options.seconds,
        )
        assert status in (0, 1), (
            f"rloop verify {options}: status {status}: {self.text(f'cat {errors}')}"
        )
        text = self.text(f"cat {report}")
        self.keep(f"{name}.xml", text)
        suites = ElementTree.fromstring(text).iter("testsuite")
        cases = [(suite, case) for suite in suites for case in suite.iter("testcase")]
        failed = [
            f"{suite.get('name')}/{case.get('name')}: {case.find('failure').get('message')}"
            for suite, case in cases
            if case.find("failure") is not None
        ]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        assert status == 0
        return len([case for _, case in cases if case.find("skipped") is None])

    def keep(self, name, text):
        """Keeps a file of this name where reports are kept."""
        if self.options.reports:
            self.options.reports.mkdir(parents=True, exist_ok=True)
            (self.options.reports / name).write_text(text)


@pytest.fixture
def board(strategy, pytestconfig):
    """The board, with a shell."""
    strategy.transition(Status.shell)
    return Board(strategy, pytestconfig.option)
