# SPDX-License-Identifier: MIT
"""Tests of the drivers in the image, for testimage. They need ssh, and root."""

import json
import re
from pathlib import Path

from oeqa.core.decorator.data import skipIfNotDataVar, skipIfNotFeature
from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase
from oeqa.runtime.decorator.package import OEHasPackage

# Seconds without output after which a command is given up. Emulated machines are slow.
PATIENCE = 1800
# Where udev runs, it and what it starts have a new device open for a moment, and its module can't go. It goes by rmmod, as
# modprobe -r, if it is busybox's, fails where another driver still needs what this one needs as well.
UNLOAD = "if command -v udevadm >/dev/null; then udevadm settle; fi && rmmod"
LAYER = Path(__file__).parents[4]
# A recipe a driver. Where testexport has copied these cases, there is nothing else of the layer, but what the image has.
RECIPES = LAYER / "recipes-kernel/rloop-modules"
EXPORTED = LAYER.parent / "data/testdata.json"
# What makes a line of the kernel's log a complaint, and what makes it harmless nevertheless; the ptest has it beside it.
PATTERNS = LAYER / "recipes-test/rloop/rloop/kernel-complaints"
PATTERNS_OF_PTEST = "rloop/ptest/kernel-complaints"


def drivers():
    """The names of the drivers that there are cases for."""
    found = sorted(path.name.partition("_")[0] for path in RECIPES.glob("*.bb"))
    if not found and EXPORTED.exists():
        found = json.loads(EXPORTED.read_text())["RLOOP_DRIVERS"].split()
    return found


def complaints(log, patterns):
    """Those of these lines of the kernel's log that are complaints."""
    texts = [text for text in patterns.splitlines() if text and text[0] != "#"]
    harmless = [text[1:] for text in texts if text[0] == "!"]
    harmful = [text for text in texts if text[0] != "!"]
    found = (line for line in log if any(text in line for text in harmful))
    return [line for line in found if not any(text in line for text in harmless)]


class RloopCase(OERuntimeTestCase):
    """What all cases here have in common."""

    def succeed(self, command, patience=300):
        """Runs command on the target and gives its output; what it said is shown if it fails."""
        status, output = self.target.run(command, timeout=patience)
        self.assertEqual(status, 0, msg=f"{command}: exit status {status}\n{output}")
        return output

    def patterns(self):
        """What there is to look for in the kernel's log."""
        if PATTERNS.exists():
            return PATTERNS.read_text()
        path = f"{self.td['libdir']}/{PATTERNS_OF_PTEST}"
        status, text = self.target.run(f"cat {path}")
        if status != 0:
            self.skipTest(f"neither the layer is here, nor {path} on the target")
        return text


def cases(driver, name):
    """The class of a driver's cases, which is called name. They are left out where the driver is not in the image."""

    class Cases(RloopCase):
        __doc__ = f"The module {driver}."
        __qualname__ = name

        @OETestDepends(["ssh.SSHTest.test_ssh"])
        def test_module(self):
            """The module loads, and the kernel has nothing to say against it."""
            # An image may have the package of the module alone, whose name ends in the kernel's version.
            package = re.compile(rf"{driver}|kernel-module-{driver}(-\d.*)?")
            if not any(map(package.fullmatch, self.tc.image_packages)):
                self.skipTest(f"{driver} is not in the image")
            patterns = self.patterns()
            # What else a board's kernel complains of is not for this module to answer.
            before = set(self.log())
            load = f"modprobe {driver}"
            self.succeed(f"{load} && {UNLOAD} {driver} && {load}")
            self.assertIn(driver.replace("-", "_"), self.loaded())
            log = [line for line in self.log() if line not in before]
            found = complaints(log, patterns)
            self.assertFalse(found, msg="in the kernel log:\n" + "\n".join(found))

        @OETestDepends([f"rloop.{name}.test_module"])
        @OEHasPackage(["alsa-utils-aplay", "alsa-utils"])
        def test_listed(self):
            """aplay and arecord list its card, each if the card can do that."""
            cards = self.succeed("cat /proc/asound/modules")
            card = re.search(rf"(?m)^ *(\d+) {driver.replace('-', '_')}$", cards)
            if not card:
                self.skipTest(f"{driver} makes no card")
            number = int(card.group(1))
            pcms = self.succeed("cat /proc/asound/pcm")
            pcm = re.search(rf"(?m)^{number:02}-00: .*$", pcms)
            self.assertTrue(pcm, msg=f"no {number:02}-00 in /proc/asound/pcm:\n{pcms}")
            for program, stream in (("aplay", "playback"), ("arecord", "capture")):
                listed = re.search(
                    rf"(?m)^card {number}: .*, device 0: ",
                    self.succeed(f"{program} -l"),
                )
                can = f": {stream} " in pcm.group()
                self.assertEqual(bool(listed), can, msg=f"{program}: {pcm.group()}")

        @OETestDepends([f"rloop.{name}.test_module"])
        def test_reload(self):
            """The module can be taken out and put in again, as often as one likes."""
            again = f"{UNLOAD} {driver} && modprobe {driver}"
            self.succeed(f"for i in 1 2 3 4 5; do {again} || exit 1; done")
            self.assertIn(driver.replace("-", "_"), self.loaded())

        def log(self):
            """The lines of the kernel's log."""
            return self.succeed("dmesg").splitlines()

        def loaded(self):
            """The modules that are loaded."""
            modules = self.succeed("cat /proc/modules").splitlines()
            return [line.split()[0] for line in modules]

    Cases.__name__ = name
    return Cases


# testimage looks for classes by name: snd-rloop's is SndRloop.
for _driver in drivers():
    _name = _driver.title().replace("-", "")
    globals()[_name] = cases(_driver, _name)


class RloopTest(RloopCase):
    """The tests that are on the target."""

    @skipIfNotFeature("ptest", "ptest is not in DISTRO_FEATURES")
    @OETestDepends(["ssh.SSHTest.test_ssh"])
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
