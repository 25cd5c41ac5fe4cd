# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a kernel complains of; as a program, of the logs in files."""

import sys
from pathlib import Path

# It says how it is read.
TEXTS = (
    Path(__file__).parents[1] / "meta-rloop/recipes-test/rloop/rloop/kernel-complaints"
)


def complaints(log):
    """The lines of a kernel's log that are complaints."""
    texts = [text for text in TEXTS.read_text().splitlines() if text and text[0] != "#"]
    harmless = [text[1:] for text in texts if text[0] == "!"]
    harmful = [text for text in texts if text[0] != "!"]
    return [
        line
        for line in log.splitlines()
        if any(text in line for text in harmful)
        and not any(text in line for text in harmless)
    ]


if __name__ == "__main__":
    for path in sys.argv[1:]:
        for line in complaints(Path(path).read_text()):
            print(line)
