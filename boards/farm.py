# SPDX-License-Identifier: MIT OR Apache-2.0
"""Divides the checks of rloop verify over the boards of a farm, and puts their reports together.

Each board is a place of the labgrid coordinator that LG_COORDINATOR names. The exit status is 0 if each check was run once,
by one of them, and has passed, 1 if not, 2 if a board could not run its share.
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

TEST = Path(__file__).parent / "test_board.py"


class CouldNotRun(Exception):
    """Why a board has no report."""


def client(place, command):
    """What labgrid-client does with a place."""
    line = [sys.executable, "-m", "labgrid.remote.client", "-p", place, command]
    # It needs no environment of labgrid's, which names a place by a variable.
    environment = {
        name: value for name, value in os.environ.items() if name != "LG_ENV"
    }
    done = subprocess.run(
        line, check=False, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CouldNotRun(
            f"{place}: labgrid-client {command}: {(done.stderr or done.stdout).strip()}"
        )


def run_share(place, share, directory, options):
    """Has a board run its share; its report and the list of all checks are in the directory then."""
    directory.mkdir(parents=True)
    command = [
        *[sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        f"{TEST}::test_verify",
        f"--lg-env={options.lg_env}",
        f"--lg-log={directory}",
        f"--reports={directory}",
        f"--shard={share}",
        f"--verify={options.verify}",
        f"--seconds={options.seconds}",
    ]
    log = directory / "pytest.log"
    client(place, "acquire")
    try:
        with log.open("w") as file:
            environment = {**os.environ, "LG_PLACE": place}
            done = subprocess.run(
                command, check=False, env=environment, stdout=file, stderr=file
            )
    finally:
        client(place, "release")
    # A check that fails is in the report.
    if done.returncode not in (0, 1) or not (directory / "verify.xml").exists():
        raise CouldNotRun(f"{place}: it has no report; see {log}")
    return done.returncode


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment = os.environ.get("LG_ENV")
    parser.add_argument(
        "--lg-env",
        default=environment,
        required=not environment,
        metavar="FILE",
        help="labgrid's environment of a place, which LG_PLACE names [default: LG_ENV's]",
    )
    parser.add_argument(
        "--verify",
        default="",
        metavar="OPTIONS",
        help="options for rloop verify, such as --full",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=3600,
        metavar="N",
        help="when a board is given up [default: 3600]",
    )
    parser.add_argument(
        "--rloop",
        default="rloop",
        metavar="PROGRAM",
        help="the tool, on this machine [default: rloop]",
    )
    parser.add_argument(
        "--reports",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where the reports are left; what it has is removed [default: reports]",
    )
    parser.add_argument("places", nargs="+", metavar="PLACE", help="the boards")
    options = parser.parse_args()
    if len(set(options.places)) < len(options.places):
        parser.error(
            f"{' '.join(options.places)}: one is there twice; allowed: each place once"
        )
    if not shutil.which(options.rloop):
        parser.error(f"--rloop {options.rloop}: there is no such program")
    shutil.rmtree(options.reports, ignore_errors=True)
    directories = [options.reports.resolve() / place for place in options.places]
    shares = [
        f"{number}/{len(directories)}" for number in range(1, len(directories) + 1)
    ]
    with concurrent.futures.ThreadPoolExecutor(len(shares)) as pool:
        runs = [
            pool.submit(run_share, place, share, directory, options)
            for place, share, directory in zip(options.places, shares, directories)
        ]
    problems = [str(run.exception()) for run in runs if run.exception()]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 2
    # Only where boards have the same list do their shares make a whole.
    lists = [(directory / "list").read_text() for directory in directories]
    for place, other in zip(options.places, lists):
        if other != lists[0]:
            print(
                f"{place}: its `rloop verify --list` differs from that of {options.places[0]}",
                file=sys.stderr,
            )
            return 2
    merge = [
        options.rloop,
        "merge",
        "--format",
        "junit",
        "--list",
        directories[0] / "list",
    ]
    merge += [directory / "verify.xml" for directory in directories]
    merged = options.reports / "merged.xml"
    with merged.open("w") as file:
        status = subprocess.run(merge, check=False, stdout=file).returncode
    print(f"report: {merged}")
    return max(status, *(run.result() for run in runs))


if __name__ == "__main__":
    sys.exit(main())
