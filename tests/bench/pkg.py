#!/usr/bin/env python3
"""Compares the `pkg` module with dpkg-query and rpm, as a table of ratios.

Timed: whole processes from start to exit, output thrown away; for Gumshoe that is `gumshoe-agent run pkg ...` with
everything it does: configuration, checks of the plugin, the runner process, the report. Everything is warm: one run of
each command is not counted. Then rounds: in each, every command of a case runs once, so that noise hits all alike. The
table shows medians, and the ratio of medians (below 1: Gumshoe is faster). A line "start" tells what a run that reads
nothing takes: the rest is reading.

The agent runs modules at niceness 10, so the others run at niceness 10 too: on a busy machine it would decide otherwise.

The database of dpkg is that of this host. Those of rpm are made here, with as many packages as asked for; Debian's rpm
writes SQLite and reads Berkeley DB, which Berkeley DB's own tool writes.

Needs: dpkg-query, rpm, rpmbuild, db_load (Debian: dpkg rpm db-util).
The plugin's folder must pass the agent's checks: owned by root, writable by nobody else, up to the root folder.
"""

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import run_once, tool

NICENESS = "10"
GOAL = "≤ 0.5"
SPEC = """Name: bench
Version: 1.0
Release: 1
Summary: s
License: MIT
BuildArch: noarch
%description
d
"""
SUBPACKAGE = """%package n{number}
Summary: s
Provides: thing-{number} = {number}
%description n{number}
d
%files n{number}
/usr/share/bench/{number}
"""
INSTALL = """%install
for n in $(seq {count}); do
    mkdir -p %{{buildroot}}/usr/share/bench/$n
    touch %{{buildroot}}/usr/share/bench/$n/a-file-with-a-name-{{1..60}}
done
"""


def quietly(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr}")


def make_sqlite(top: Path, count: int) -> Path:
    """A tree with an rpm database."""
    spec = top / "bench.spec"
    parts = [SUBPACKAGE.format(number=number) for number in range(1, count + 1)]
    spec.write_text(SPEC + "".join(parts) + INSTALL.format(count=count))
    # No compression: the packages are installed once and thrown away.
    quietly(tool("rpmbuild"), "-bb", "--quiet", "--define", f"_topdir {top}/build",
            "--define", "_binary_payload w.ufdio", str(spec))
    packages = sorted(map(str, (top / "build/RPMS/noarch").iterdir()))
    tree = top / "sqlite"
    (tree / "var/lib/rpm").mkdir(parents=True)
    quietly(*rpm(tree, "sqlite"), "--install", "--justdb", "--nodeps", "--nosignature", *packages)
    return tree


def make_berkeley(top: Path, sqlite: Path) -> Path:
    """A tree with the same packages in Berkeley DB's format."""
    tree = top / "berkeley"
    (tree / "var/lib/rpm").mkdir(parents=True)
    dump = top / "dump"
    with sqlite3.connect(sqlite / "var/lib/rpm/rpmdb.sqlite") as database, dump.open("w") as out:
        out.write("VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n 00000000\n 00000000\n")
        for number, header in database.execute("SELECT hnum, blob FROM Packages"):
            out.write(f" {number.to_bytes(4, 'little').hex()}\n {header.hex()}\n")
        out.write("DATA=END\n")
    quietly(tool("db_load"), "-f", str(dump), str(tree / "var/lib/rpm/Packages"))
    return tree


def rpm(tree: Path, backend: str) -> list[str]:
    return [tool("rpm"), "--dbpath", f"{tree}/var/lib/rpm", "--define", f"_db_backend {backend}"]


def medians(commands: dict[str, list[str]], rounds: int) -> dict[str, float]:
    names = list(commands)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        run_once(commands[name])
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(run_once(commands[name]).wall)
    return {name: statistics.median(times) for name, times in seconds.items()}


def show(title: str, commands: dict[str, list[str]], peer: str, rounds: int) -> None:
    found = medians(commands, rounds)
    for name, median in found.items():
        if name != peer:
            goal = GOAL if name == "one" else ""
            print(f"| {title}: {name} | {median * 1e3:.2f} | {peer} | {found[peer] * 1e3:.2f} "
                  f"| {median / found[peer]:.2f} | {goal} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, required=True, help="the program gumshoe-agent")
    parser.add_argument("--plugin-dir", type=Path, required=True, help="folder with the plugins")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--packages", type=int, default=600, help="packages in the databases of rpm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        config = top / "config"
        (config / "modules.d").mkdir(parents=True)
        (config / "agent.toml").write_text(f'modules_dir = "{options.plugin_dir.resolve()}"\n')
        (config / "modules.d/pkg.toml").write_text("enabled = true\n")
        agent = [str(options.agent.resolve()), "--config-dir", str(config), "run", "-q", "--json"]
        nice = [tool("nice"), "-n", NICENESS]

        def ours(tree: str, kind: str, package: str) -> dict[str, list[str]]:
            look = [*agent, "--root", tree, "pkg"]
            return {
                "one": [*look, "--type", kind, "--name", f"^{package}$"],
                "all, with every field": [*look, "--type", kind],
                "start": [*look, "--type", "receipt"],
            }

        sqlite = make_sqlite(top, options.packages)
        berkeley = make_berkeley(top, sqlite)
        print("| question | Gumshoe ms | compared with | ms | ratio | goal |\n| --- | --- | --- | --- | --- | --- |")
        peer = "dpkg-query -W"
        commands = {peer: [*nice, tool("dpkg-query"), "-W"], **ours("/", "dpkg", "libc6")}
        show("dpkg of this host", commands, peer, options.rounds)
        for title, tree, backend in [("rpm, SQLite", sqlite, "sqlite"), ("rpm, Berkeley DB", berkeley, "bdb_ro")]:
            peer = "rpm -qa"
            commands = {peer: [*nice, *rpm(tree, backend), "-qa"], **ours(str(tree), "rpm", "bench-n7")}
            show(title, commands, peer, options.rounds)


if __name__ == "__main__":
    main()
