#!/usr/bin/env python3
"""Measures the netstat module beside ss(8), in one run, on connections that it makes itself.

    make build && tests/bench/netstat.py target/release

Prints one table per number of connections: medians in milliseconds, and how many times faster than ss each question
is. Each connection counts twice, because both of its ends are on this host. Runs take turns, so that whatever else the
machine does hits all of them alike. Fails when a promise of docs/modules/netstat.md is broken. Needs Linux, iproute2,
and as many open files as twice the connections; root, or processes of others cannot be seen.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PORT = 45454
OTHER = "127.9.9.9"  # the one address that a question is about
PER_PROCESS = 5000


def serve(ready, count):
    """Accepts `count` connections, says so, and holds them until standard input closes."""
    listener = socket.create_server(("0.0.0.0", ready["port"]), backlog=4096)
    print("listening", flush=True)
    held = [listener.accept()[0] for _ in range(count)]
    print("held", flush=True)
    sys.stdin.read()
    return held


def connect(ready, count):
    """Makes `count` connections, says so, and holds them until standard input closes."""
    held = []
    for index in range(count):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        address = OTHER if index == 0 else f"127.0.{ready['number']}.{1 + index % 200}"
        one.connect((address, ready["port"]))
        held.append(one)
    print("held", flush=True)
    sys.stdin.read()
    return held


class Crowd:
    """Processes that hold connections with each other."""

    def __init__(self, count):
        self.children = []
        for number in range(0, count, PER_PROCESS):
            ready = {"port": PORT + number // PER_PROCESS, "number": number // PER_PROCESS}
            some = min(PER_PROCESS, count - number)
            server = self.start("serve", ready, some)
            server.stdout.readline()
            client = self.start("connect", ready, some)
            client.stdout.readline()
            server.stdout.readline()

    def start(self, role, ready, count):
        command = [sys.executable, __file__, "--role", role, "--ready", json.dumps(ready), "--count", str(count)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        return child

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.stdin.close()
        for child in self.children:
            child.wait()


def agent(target, folder):
    """The start of a command line that runs the module on a configuration of its own."""
    (folder / "modules.d").mkdir()
    (folder / "modules").mkdir()
    shutil.copy(target / "libgumshoe_module_netstat.so", folder / "modules")
    (folder / "agent.toml").write_text(f'modules_dir = "{folder}/modules"\n')
    (folder / "modules.d/netstat.toml").write_text("enabled = true\n")
    return [str(target / "gumshoe-agent"), "run", "netstat", "--config-dir", str(folder), "--json", "--quiet"]


def milliseconds(command):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - start) * 1000


def questions(run):
    """Name, our command, the peer's command, how many times faster than it we promise to be."""
    nobody = ["--connectedip", "192.0.2.1/32", "--state", "established", "--state", "close-wait"]
    every = ["--protocol", "tcp", "--findings", "1000000"]
    return [
        ("start alone (no peer)", run + ["--unixpath", "^/nowhere$", "--protocol", "unix"], ["true"], None),
        ("any of all sockets, none found", run + ["--protocol", "tcp", "--process", "^/nowhere$", "--state", "bound"], ["ss", "-tan"], None),
        ("100 networks, none found", run + nobody + [w for i in range(100) for w in ("--connectedip", f"198.18.{i}.0/24")], ["ss", "-tan"], 1.0),
        ("a program's sockets, none found", run + ["--protocol", "tcp", "--process", "^/nowhere$"], ["ss", "-tanp"], 3.0),
        ("one address", run + ["--connectedip", OTHER], ["ss", "-tan", "dst", OTHER], 1.0),
        ("one address, with processes", run + ["--connectedip", OTHER, "--owners"], ["ss", "-tanp", "dst", OTHER], None),
        ("list all", run + every, ["ss", "-tan"], None),
        ("list all, with processes", run + every + ["--owners"], ["ss", "-tanp"], None),
    ]


def measure(run, rounds):
    broken = []
    table = questions(run)
    times = {name: ([], []) for name, *_ in table}
    for _ in range(rounds):
        for name, ours, theirs, _ in table:
            times[name][0].append(milliseconds(ours))
            times[name][1].append(milliseconds(theirs))
    for name, _, theirs, promise in table:
        our, their = (statistics.median(one) for one in times[name])
        note = "" if promise is None else f"  (promised {promise:g})"
        print(f"  {name:34} {our:8.1f} ms   {' '.join(theirs):28} {their:8.1f} ms   x{their / our:.2f}{note}")
        if promise is not None and their < our * promise:
            broken.append(name)
    return broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", type=pathlib.Path, help="folder with gumshoe-agent and the plugin")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--connections", type=int, nargs="*", default=[2000, 20000])
    parser.add_argument("--role", choices=["serve", "connect"], help=argparse.SUPPRESS)
    parser.add_argument("--ready", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        {"serve": serve, "connect": connect}[options.role](options.ready, options.count)
        os._exit(0)
    broken = []
    for count in options.connections:
        with tempfile.TemporaryDirectory() as folder, Crowd(count):
            print(f"{count} connections, medians of {options.rounds}")
            broken += measure(agent(options.target, pathlib.Path(folder)), options.rounds)
    if broken:
        sys.exit("slower than promised: " + ", ".join(broken))


if __name__ == "__main__":
    main()
