# SPDX-License-Identifier: MIT OR Apache-2.0
"""oeqa_complaints.py CASES LOG...: those lines of kernels' logs that the cases, the layer's oeqa file, take for complaints.

Of oeqa, which is bitbake's, there is only what an import needs.
"""

import runpy
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType


class Anything:
    """A class to derive from, or a decorator that changes nothing."""

    def __init__(self, *_):
        pass

    def __call__(self, function):
        return function


class Oeqa:
    """Finds modules of oeqa."""

    def find_spec(self, name, *_):
        if name.partition(".")[0] == "oeqa":
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = ModuleType(spec.name)
        module.__getattr__ = lambda _: Anything
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Oeqa())
cases = runpy.run_path(sys.argv[1])
patterns = cases["PATTERNS"].read_text()
for path in sys.argv[2:]:
    with open(path) as log:
        for line in cases["complaints"](log.read().splitlines(), patterns):
            print(line)
