# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a command that finds guests as the boards of a farm.

Each guest is a place of a labgrid coordinator, board1, board2 and so on, with a serial line and a power socket at this
machine's network, as an exporter has those of real boards. All of it is there while the command runs, and no longer.
"""

import argparse
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

HOST = "127.0.0.1"
# How long the coordinator and the exporter may take to be there, in seconds.
PATIENCE = 60


class Guest:
    """A guest that is switched on and off, with a serial line that is there in either case, for one client at a time."""

    def __init__(self, program):
        self.program = program
        self.process = None
        self.client = None
        self.line = socket.create_server((HOST, 0))
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def is_on(self):
        return self.process is not None and self.process.poll() is None

    def switch(self, on):
        """Begins from nothing, or ends at once; does nothing if that is how it is."""
        if on == self.is_on:
            return
        if on:
            # It ends with the thread that has started it, which therefore has to be one that stays.
            self.process = subprocess.Popen(
                [self.program, "-serial", "stdio"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            threading.Thread(
                target=self.say, args=(self.process.stdout,), daemon=True
            ).start()
        else:
            self.process.kill()
            self.process.wait()

    def say(self, console):
        """What a guest says goes to the client, if there is one."""
        while data := os.read(console.fileno(), 4096):
            client = self.client
            if client:
                with contextlib.suppress(OSError):
                    client.sendall(data)

    def serve(self):
        """What a client says goes to the guest, if it is on."""
        while True:
            client, _ = self.line.accept()
            self.client = client
            with client, contextlib.suppress(ConnectionError):
                while data := client.recv(4096):
                    with contextlib.suppress(AttributeError, OSError):
                        os.write(self.process.stdin.fileno(), data)
            self.client = None


class Sockets(http.server.BaseHTTPRequestHandler):
    """The power sockets, as labgrid's model `rest` has them: PUT /NUMBER with 0 or 1, GET /NUMBER."""

    guests: ClassVar = {}

    def guest(self):
        guest = self.guests.get(self.path.removeprefix("/"))
        if guest is None:
            self.send_error(404, f"no such socket; there are {', '.join(self.guests)}")
        return guest

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PUT(self):
        value = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if guest := self.guest():
            guest.switch(value == b"1")
            self.answer(b"")

    def do_GET(self):
        if guest := self.guest():
            self.answer(b"1" if guest.is_on else b"0")

    def log_message(self, *_):
        pass


def give_up(why):
    """Says why the command can't be run, or not to its end."""
    print(f"guests.py: {why}", file=sys.stderr)
    sys.exit(2)


def free_port():
    """A port of TCP that is free now."""
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def labgrid(module, *arguments):
    """The command of a program of labgrid's."""
    return [sys.executable, "-m", f"labgrid.remote.{module}", *arguments]


@contextlib.contextmanager
def running(command, log, directory):
    """Has a program run, with its output in a file."""
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=directory, stdout=file, stderr=file)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def wait_for(what, log, process, is_there):
    """Waits until something is there that a process makes."""
    end = time.monotonic() + PATIENCE
    while not is_there():
        if process.poll() is not None or time.monotonic() > end:
            give_up(f"{what} is not there; see {log}")
        time.sleep(0.2)


def answers(port):
    """Whether somebody listens at a port."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
        return True
    return False


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--boards",
        type=int,
        default=2,
        metavar="N",
        help="how many guests there are [default: 2]",
    )
    parser.add_argument(
        "guest", type=Path, help="what `cargo xtask vm --export` has written"
    )
    parser.add_argument("command", nargs="+", help="the command, after `--`")
    options = parser.parse_args()
    if options.boards < 1:
        parser.error(f"--boards {options.boards}: allowed: 1 and more")
    environment = options.guest / "place.yaml"
    if not environment.is_file():
        parser.error(
            f"{options.guest}: there is no place.yaml in it; allowed: what `cargo xtask vm --export` has written"
        )
    work = options.guest.resolve() / "farm"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()

    guests = [Guest(options.guest.resolve() / "qemu") for _ in range(options.boards)]
    Sockets.guests = {str(number): guest for number, guest in enumerate(guests, 1)}
    # One request at a time, all in one thread.
    sockets = http.server.HTTPServer((HOST, 0), Sockets)
    threading.Thread(target=sockets.serve_forever, daemon=True).start()
    exported = {
        f"board{number}": {
            "NetworkSerialPort": {
                "host": HOST,
                "port": guest.line.getsockname()[1],
                "protocol": "raw",
            },
            "NetworkPowerPort": {
                "model": "rest",
                "host": f"http://{HOST}:{sockets.server_port}/{{index}}",
                "index": number,
            },
        }
        for number, guest in enumerate(guests, 1)
    }
    # What is JSON is YAML.
    (work / "exporter.yaml").write_text(json.dumps(exported, indent=2))

    # What it has started is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: give_up("terminated"))
    coordinator = f"{HOST}:{free_port()}"
    os.environ["LG_COORDINATOR"] = coordinator
    with contextlib.ExitStack() as stack:
        log = work / "coordinator.log"
        process = stack.enter_context(
            running(labgrid("coordinator", "--listen", coordinator), log, work)
        )
        port = int(coordinator.rsplit(":", 1)[1])
        wait_for("the coordinator", log, process, lambda: answers(port))
        log = work / "exporter.log"
        command = labgrid(
            "exporter", "--coordinator", coordinator, "--name", "bench", "exporter.yaml"
        )
        process = stack.enter_context(running(command, log, work))

        def client(*arguments):
            done = subprocess.run(
                labgrid("client", *arguments),
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                give_up(f"labgrid-client: {done.stderr}")
            return done.stdout

        wait_for(
            "what is exported",
            log,
            process,
            lambda: f"board{options.boards}/" in client("resources"),
        )
        for name in exported:
            client("-p", name, "create")
            client("-p", name, "add-match", f"bench/{name}/*")
        try:
            os.environ["LG_ENV"] = str(environment.resolve())
            return subprocess.run(options.command, check=False).returncode
        finally:
            for guest in guests:
                guest.switch(False)


if __name__ == "__main__":
    sys.exit(main())
