# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a board is brought to a shell: its image is written, if it has a multiplexer of SD cards, and it boots."""

import enum
import time
from typing import ClassVar

import attr
from labgrid.driver.exception import ExecutionError
from labgrid.driver.usbstoragedriver import Mode
from labgrid.factory import target_factory
from labgrid.strategy.common import Strategy, StrategyError
from pexpect import TIMEOUT

# What the kernel makes anew each time it boots.
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


class Status(enum.Enum):
    """What the board is doing."""

    unknown = 0
    off = 1
    shell = 2


@target_factory.reg_driver
@attr.s(eq=False)
class BoardStrategy(Strategy):
    """Boots a board, again and again.

    Args:
        reboot_command (str): what lets the board boot anew, in its shell
        boot_timeout (int): how long that takes at most, in seconds
    """

    bindings: ClassVar = {
        "power": "PowerProtocol",
        "console": "ConsoleProtocol",
        "shell": "ShellDriver",
        "mux": {"USBSDMuxDriver", "USBSDWireDriver", None},
        "storage": {"USBStorageDriver", None},
    }
    reboot_command = attr.ib(
        default="reboot", validator=attr.validators.instance_of(str)
    )
    boot_timeout = attr.ib(default=180, validator=attr.validators.instance_of(int))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.status = Status.unknown
        self.boot_id = None
        self.is_written = False

    def transition(self, status):
        """Switches the board off, or boots it and gives it a shell; does nothing if that is how it is."""
        if not isinstance(status, Status):
            status = Status[status]
        if status == Status.unknown:
            raise StrategyError(
                "a board can't be brought to unknown; allowed: off, shell"
            )
        if status == self.status:
            return
        self.lose()
        self.target.activate(self.power)
        if status == Status.off:
            self.power.off()
            self.status = status
        else:
            self.write_image()
            self.target.activate(self.console)
            self.power.cycle()
            self.log_in()

    def lose(self):
        """Takes it that the shell is gone, so that the next transition boots the board."""
        self.status = Status.unknown
        self.target.deactivate(self.shell)

    def write_image(self):
        """Writes the image to the card, once, while the board is off; without a multiplexer it keeps what it has."""
        if self.mux is None or self.storage is None or self.is_written:
            return
        self.power.off()
        self.target.activate(self.mux)
        self.mux.set_mode("host")
        self.target.activate(self.storage)
        # It knows the compressed images of Yocto, and what of them need not be written.
        self.storage.write_image(mode=Mode.BMAPTOOL)
        self.target.deactivate(self.storage)
        self.mux.set_mode("dut")
        self.is_written = True

    def log_in(self):
        """Waits for the shell of another boot than the last one."""
        end = time.monotonic() + self.boot_timeout
        while time.monotonic() < end:
            try:
                self.target.activate(self.shell)
                boot_id = self.shell.run_check(BOOT_ID)[-1]
                if boot_id != self.boot_id:
                    # Nothing of the kernel's is to come between what commands write.
                    self.shell.run_check("dmesg -n 1")
                    self.boot_id = boot_id
                    self.status = Status.shell
                    return
            except (ExecutionError, TIMEOUT):
                pass
            # It was the shell of before, which is about to go, or half of it.
            self.target.deactivate(self.shell)
            time.sleep(1)
        raise StrategyError(f"no shell of a new boot after {self.boot_timeout} s")

    def reboot(self):
        """Lets the board boot anew by its own command."""
        self.transition(Status.shell)
        self.lose()
        self.console.sendline(self.reboot_command)
        self.log_in()

    def power_cycle(self):
        """Takes the power away from the running board, and gives it back."""
        self.transition(Status.shell)
        self.lose()
        self.power.cycle()
        self.log_in()
