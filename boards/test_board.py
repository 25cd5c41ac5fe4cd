# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an image with rloop does on a board, and after the board was disturbed."""

import pytest

# A few checks of each driver, which say whether it works at all.
QUICK = "--shard 1/40"


@pytest.fixture(autouse=True)
def clean_log(board):
    """The kernel complains of nothing in the test."""
    before = board.complaints()
    yield
    assert [line for line in board.complaints() if line not in before] == []


def test_all_modules_load(board):
    modules = board.load()
    loaded = {line.split()[0] for line in board.run("cat /proc/modules")}
    assert {name.replace("-", "_") for name in modules} <= loaded


def test_ptest(board):
    if not board.has("ptest-runner"):
        pytest.skip("the image has no ptest-runner")
    lines, status = board.try_run("ptest-runner rloop", board.options.seconds)
    # Its status says no more than that there are some.
    assert [line for line in lines if line.startswith("FAIL: ")] == []
    assert status == 0, lines[-20:]
    assert [line for line in lines if line.startswith("PASS: ")]


def test_verify(board):
    """All checks, or the share of this board; the list of all of them is kept beside the report."""
    board.load()
    options = board.options.verify
    board.keep("list", board.text(f"rloop verify --list {options}"))
    shard = board.options.shard
    share = f"--shard {shard}" if shard else ""
    # A share may be none of a few.
    assert board.verify("verify", f"{options} {share}") or shard


def test_unplug(board):
    """Devices go under load, and those of modules that are loaded anew work."""
    # By files in debugfs, which busybox's init has not mounted.
    place = "/sys/kernel/debug"
    mounted = f"grep -q ' {place} ' /proc/mounts || mount -t debugfs none {place}"
    if board.try_run(mounted)[1] != 0:
        pytest.skip("the kernel has no debugfs")
    board.load()
    assert board.verify("unplug", "--faults --only '*/faults/unplug'")
    board.unload()
    board.load()
    assert board.verify("after-unplug", QUICK)


def test_reboot(board):
    board.load()
    board.strategy.reboot()
    board.load()
    assert board.verify("after-reboot", QUICK)


def test_power_cycle(board):
    """The power goes while checks run."""
    board.load()
    board.run("rloop verify >/dev/null 2>&1 & sleep 2")
    board.strategy.power_cycle()
    board.load()
    assert board.verify("after-power-cycle", QUICK)
