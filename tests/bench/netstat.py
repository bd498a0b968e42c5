#!/usr/bin/env python3
"""Compares the `netstat` module with `ss`, on connections that it makes itself, as a table of ratios.

Timed: whole processes from start to exit, output thrown away; for Gumshoe that is `gumshoe-agent run netstat ... --json`
with everything it does: configuration, checks of the plugin, the runner process, the report. One run of each command is
not counted. Then rounds: in each, every command of a case runs once, so that noise hits all alike. The tables show
medians, and the ratio of medians (below 1: Gumshoe is faster), of the time on the clock and of the time that the
processors were busy with it, which other load hardly changes. The agent runs modules at niceness 10, so the others do.

Both ends of each connection are on this host, so that there are twice as many sockets. They are held by pairs of
processes with up to 5,000 connections each. The questions are those of an investigation: few sockets answer them, or
none. What it costs to report every socket is shown as well; that is a report of many megabytes, where ss prints lines.

All of it happens in a network namespace of its own, so that nothing else counts.

Needs: ss and ip (Debian: iproute2), unshare (util-linux), Linux, root.
"""

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from timing import Time, run_once, tool

NICENESS = 10
PORT = 20000
PER_PROCESS = 5000
# One connection has this address at an end; the questions about one address are about it.
ONE = "127.9.9.9"
IP_BIND_ADDRESS_NO_PORT = 24
# As FOUND_OR_NOT; 4 and 5 say that some socket has no process that can be seen.
GOOD = (0, 1, 4, 5)


@dataclass
class Case:
    """One question, our command that answers it, and that of ss."""

    title: str
    ours: list[str]
    theirs: list[str]
    goal: float | None = None
    times: tuple[list["Time"], list["Time"]] = field(default_factory=lambda: ([], []))

    def medians(self, which: str) -> tuple[float, float]:
        return tuple(statistics.median(getattr(time, which) for time in times) for times in self.times)


def serve(port: int, count: int) -> list[socket.socket]:
    listener = socket.create_server(("0.0.0.0", port), backlog=4096)
    print("listening", flush=True)
    return [listener, *(listener.accept()[0] for _ in range(count))]


def connect(port: int, count: int) -> list[socket.socket]:
    held = []
    for index in range(count):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        is_the_one = port == PORT and index == 0
        one.connect((ONE if is_the_one else f"127.0.{port - PORT}.{1 + index % 200}", port))
        held.append(one)
    return held


def hold(role: str, port: int, count: int) -> None:
    """Holds connections until standard input ends."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * PER_PROCESS), hard))
    held = {"serve": serve, "connect": connect}[role](port, count)
    print("held", flush=True)
    sys.stdin.read()
    del held


class Crowd:
    """Processes that hold connections with each other."""

    def __init__(self, count: int):
        self.children: list[subprocess.Popen] = []
        for index, start in enumerate(range(0, count, PER_PROCESS)):
            some = min(PER_PROCESS, count - start)
            server = self.start("serve", PORT + index, some)
            server.stdout.readline()
            client = self.start("connect", PORT + index, some)
            client.stdout.readline()
            server.stdout.readline()

    def start(self, role: str, port: int, count: int) -> subprocess.Popen:
        command = [sys.executable, __file__, "--hold", role, str(port), str(count)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        return child

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.stdin.close()
        for child in self.children:
            child.wait()


def agent(program: Path, plugins: Path, scratch: Path) -> list[str]:
    """The start of a command line that runs the module with a configuration of its own."""
    config = scratch / "config"
    (config / "modules.d").mkdir(parents=True)
    (config / "agent.toml").write_text(f'modules_dir = "{plugins.resolve()}"\n')
    (config / "modules.d/netstat.toml").write_text('enabled = true\nreport = "1g"\n')
    return [str(program.resolve()), "--config-dir", str(config), "run", "netstat", "--json"]


def cases(run: list[str]) -> list[Case]:
    ss = [tool("nice"), "-n", str(NICENESS), tool("ss")]
    networks = [word for number in range(100) for word in ("--connectedip", f"198.18.{number}.0/24")]
    absent = ["--protocol", "tcp", "--process", "^/absent$"]
    every = [*run, "--findings", "1000000", "--protocol", "tcp"]
    return [
        Case("100 networks, absent", [*run, *networks], [*ss, "-tan"], 1),
        Case("a program, absent", [*run, *absent], [*ss, "-tanp"], 1 / 3),
        Case("one address", [*run, "--protocol", "tcp", "--connectedip", ONE], [*ss, "-tan", "dst", ONE], 1),
        Case("one address and whose", [*run, "--protocol", "tcp", "--connectedip", ONE, "--owners"],
             [*ss, "-tanp", "dst", ONE], 1 / 3),
        Case("every socket", every, [*ss, "-tan"]),
        Case("every socket and whose", [*every, "--owners"], [*ss, "-tanp"]),
        Case("start to empty report", [*run, "--protocol", "packet", "--state", "listen"], [tool("true")]),
    ]


def measure(case: Case, rounds: int) -> None:
    commands = (case.ours, case.theirs)
    for turn in range(-1, rounds):
        for index in (0, 1) if turn % 2 == 0 else (1, 0):
            once = run_once(commands[index], GOOD)
            if turn >= 0:
                case.times[index].append(once)


def show(count: int, measured: list[Case]) -> None:
    print("| connections | question | Gumshoe ms | compared with | ms | ratio | goal | busy ms | ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in measured:
        peer = [os.path.basename(word) for word in case.theirs]
        peer = " ".join(peer[3:] if peer[0] == "nice" else peer)
        goal = f"≤ {case.goal:.2f}" if case.goal else ""
        (ours, theirs), (busy, their_busy) = case.medians("wall"), case.medians("busy")
        print(f"| {count} | {case.title} | {ours * 1000:.1f} | `{peer}` | {theirs * 1000:.1f} | {ours / theirs:.2f} | {goal} "
              f"| {busy * 1000:.1f} | {their_busy * 1000:.1f} | {busy / their_busy:.2f} |")
    print(flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, help="the program gumshoe-agent, release build")
    parser.add_argument("--plugin-dir", type=Path, help="the folder with the plugin of `netstat`")
    parser.add_argument("--connections", type=int, nargs="*", default=[2_000, 20_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="only cases whose title contains this")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--hold", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.hold and not (arguments.agent and arguments.plugin_dir):
        parser.error("--agent and --plugin-dir are needed")
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.hold:
        role, port, count = arguments.hold
        return hold(role, int(port), int(count))
    if not arguments.inside:
        move_in = 'ip link set lo up && exec "$0" "$@" --inside'
        os.execv(tool("unshare"), ["unshare", "--net", "sh", "-c", move_in, sys.executable, __file__, *sys.argv[1:]])
    with tempfile.TemporaryDirectory() as scratch:
        run = agent(arguments.agent, arguments.plugin_dir, Path(scratch))
        for count in arguments.connections:
            with Crowd(count):
                chosen = [case for case in cases(run) if arguments.only in case.title]
                for case in chosen:
                    measure(case, arguments.rounds)
            show(count, chosen)


if __name__ == "__main__":
    main()
