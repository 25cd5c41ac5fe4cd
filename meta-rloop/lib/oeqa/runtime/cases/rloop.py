# SPDX-License-Identifier: MIT
"""Tests of the loopback sound card snd-rloop for testimage. They need ssh, and root."""

import re

from oeqa.core.decorator.data import skipIfNotDataVar, skipIfNotFeature
from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase
from oeqa.runtime.decorator.package import OEHasPackage

# Seconds without output after which a command is given up. Emulated machines are slow.
PATIENCE = 1800
FAULT = re.compile(r"BUG:|WARNING:|Oops|Call [Tt]race:")


class RloopTest(OERuntimeTestCase):
    """The module, its card, and the tests that are on the target."""

    def succeed(self, command, patience=300):
        """Runs command on the target and gives its output; what it said is shown if it fails."""
        status, output = self.target.run(command, timeout=patience)
        self.assertEqual(status, 0, msg=f"{command}: exit status {status}\n{output}")
        return output

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    @OEHasPackage(["snd-rloop"])
    def test_module(self):
        """The module loads, and the kernel has nothing to say against it."""
        self.succeed("modprobe snd-rloop")
        self.assertRegex(self.succeed("cat /proc/modules"), r"(?m)^snd_rloop ")
        faults = [
            line for line in self.succeed("dmesg").splitlines() if FAULT.search(line)
        ]
        self.assertFalse(faults, msg="in the kernel log:\n" + "\n".join(faults))

    @OETestDepends(["rloop.RloopTest.test_module"])
    @OEHasPackage(["alsa-utils-aplay", "alsa-utils"])
    def test_listed(self):
        """aplay and arecord list the card."""
        for program in ("aplay", "arecord"):
            self.assertRegex(
                self.succeed(f"{program} -l"),
                r"(?m)^card \d+: \w+ \[.*\], device 0: Loopback",
            )

    @OETestDepends(["rloop.RloopTest.test_module"])
    def test_reload(self):
        """The module can be taken out and put in again, as often as one likes."""
        again = "modprobe -r snd-rloop && modprobe snd-rloop"
        self.succeed(f"for i in 1 2 3 4 5; do {again} || exit 1; done")
        self.assertRegex(self.succeed("cat /proc/asound/modules"), r"(?m) snd_rloop$")

    @skipIfNotFeature("ptest", "ptest is not in DISTRO_FEATURES")
    @OETestDepends(["rloop.RloopTest.test_reload"])
    @OEHasPackage(["rloop-ptest"])
    def test_ptest(self):
        """ptest-runner rloop passes."""
        output = self.succeed("ptest-runner rloop", PATIENCE)
        self.assertNotRegex(output, r"(?m)^FAIL:")
        self.assertRegex(output, r"(?m)^PASS: ")

    @skipIfNotDataVar("RLOOP_TEST_FULL", "1", 'slow: set RLOOP_TEST_FULL = "1"')
    @OETestDepends(["rloop.RloopTest.test_ptest"])
    @OEHasPackage(["rloop"])
    def test_verify_full(self):
        """Every combination of formats, rates, channels and accesses comes back bit for bit."""
        self.succeed("rloop verify --full --format tap", PATIENCE)
