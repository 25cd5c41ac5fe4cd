# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an image with rloop does on a board, and after the board was disturbed."""

import pytest

# A few checks of each driver, that say whether it works at all.
QUICK = "--shard 1/40"
# What the kernel says if something is wrong with it.
TROUBLE = r"BUG:|WARNING:|Oops|Call trace:|Call Trace:|INFO: task .* blocked"


@pytest.fixture(autouse=True)
def clean_log(board):
    """The kernel complains of nothing in the test."""
    yield
    lines, _ = board.try_run(f"dmesg | grep -E '{TROUBLE}'")
    assert lines == []


def test_all_modules_load(board):
    modules = board.load()
    loaded = {line.split()[0] for line in board.run("cat /proc/modules")}
    assert {name.replace("-", "_") for name in modules} <= loaded


def test_ptest(board):
    if not board.has("ptest-runner"):
        pytest.skip("the image has no ptest-runner")
    board.load()
    lines = board.run("ptest-runner rloop", board.options.seconds)
    assert any(line.startswith("PASS: ") for line in lines)
    assert not [line for line in lines if line.startswith("FAIL: ")]


def test_verify(board):
    board.load()
    shard = board.options.shard
    options = f"--shard {shard}" if shard else ""
    cases = board.verify("verify", f"{options} {board.options.verify}")
    assert cases, "it checked nothing"


def test_unplug(board):
    """Devices go under load, and those of modules that are loaded anew work."""
    board.load()
    assert board.verify("unplug", "--faults --only '*/faults/unplug'")
    for module in board.shipped():
        board.run(f"modprobe -r {module}")
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
    board.run("rloop verify --only drain >/dev/null 2>&1 & sleep 2")
    board.strategy.power_cycle()
    board.load()
    assert board.verify("after-power-cycle", QUICK)
