#!/usr/bin/env python3
"""Measures the memory module against its peers, all in one run, and prints tables.

Usage: memory.py [--agent FILE] [--plugin-dir DIR] [--rounds N] [SCENE...]

Needs release builds of the agent and of the module's plugin, and YARA for the comparison with it (Debian: `apt install
yara`); the peer that only copies, the example `memory_peer` of the module's crate, is built here. Looks at its own victims,
and in the last scene at all processes, which takes root. Each command runs once per round,
the rounds are interleaved, and the median counts; ratios are of medians. Memory is the peak of the command's largest
process. Everything uses one thread unless the name says otherwise.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# Split, so that neither this process nor a shell that starts it holds what is looked for.
ABSENT = "".join(["absent-", "xyzzy-", "plugh"])
HEX = "".join(["deadbeef", "feedface"])
# What the agent adds to the niceness of its runners.
RUNNER_NICENESS = 10
TARGET = os.path.join("target", "release")

DENSE = """
import os, sys
held = b"".join(os.urandom(1 << 20) for _ in range(1024))
print("ready", flush=True)
sys.stdin.read()
"""
SPARSE = """
import mmap, os, sys
held = b"".join(os.urandom(1 << 20) for _ in range(1024))
reserved = mmap.mmap(-1, 8 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
print("ready", flush=True)
sys.stdin.read()
"""
SMALL = """
import sys, json, ssl, sqlite3, decimal, http.client, email.message, xml.etree.ElementTree, unittest
held = [str(i) * 8 for i in range(300000)]
print("ready", flush=True)
sys.stdin.read()
"""
TINY = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""


class Victims:
    """Processes that run a Python text until the block ends."""

    def __init__(self, text, count):
        self.text, self.count, self.children = text, count, []

    def __enter__(self):
        pipe = subprocess.PIPE
        for _ in range(self.count):
            self.children.append(subprocess.Popen([sys.executable, "-c", self.text], stdin=pipe, stdout=pipe, text=True))
        for child in self.children:
            assert child.stdout.readline() == "ready\n"
        return [str(child.pid) for child in self.children]

    def __exit__(self, *_):
        for child in self.children:
            child.stdin.close()
            child.wait()


def page_tables(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(line.split(":")[1].strip() for line in status if line.startswith("VmPTE"))


def run(command):
    """Seconds, and peak memory in MiB. The agent gives way to everything else on the host, so its peers do here too."""
    is_agent = os.path.basename(command[0]) == "gumshoe-agent"
    give_way = None if is_agent else lambda: os.nice(RUNNER_NICENESS)
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=give_way)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1, 4, 5):
        raise SystemExit(f"{command} ended with {child.returncode}")
    return seconds, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def module(self, pids, *flags, threads=1):
        chosen = [argument for pid in pids or [] for argument in ("--pid", pid)]
        command = [self.options.agent, "run", self.options.module, "--quiet", "--threads", str(threads)]
        return command + chosen + list(flags)

    def peer(self, pids, search=False):
        return [self.options.peer] + (["--search", ABSENT] if search else []) + list(pids)

    def yara(self, pids, name, strings):
        """One process after the other, as YARA takes one at a time."""
        rules = os.path.join(self.folder, name + ".yar")
        with open(rules, "w") as file:
            file.write("rule r { strings: " + " ".join(strings) + " condition: any of them }\n")
        if len(pids) == 1:
            return ["yara", rules, pids[0]]
        return ["sh", "-c", 'rules=$1; shift; for pid; do yara "$rules" "$pid"; done; true', "sh", rules, *pids]

    def table(self, title, rows, base=None):
        """Runs the commands in turn; ratios are to the row named `base`."""
        figures = {name: [] for name in rows}
        for _ in range(self.options.rounds):
            for name, command in rows.items():
                figures[name].append(run(command))
        print(f"\n### {title}\n\n| what | seconds | peak memory | times `{base}` |\n| --- | --- | --- | --- |")
        seconds = {name: statistics.median(one for one, _ in figures[name]) for name in rows}
        for name in rows:
            memory = max(one for _, one in figures[name])
            print(f"| {name} | {seconds[name]:.3f} | {memory:.0f} MiB | {seconds[name] / seconds[base]:.2f} |", flush=True)

    def dense(self):
        literal = ["--content", ABSENT]
        many = [argument for i in range(20) for argument in ("--content", f"absent-{i * 7919}-needle")]
        text = [f'$t = "{ABSENT}"']
        bytes_ = [f"$h = {{ {HEX} }}"]
        with Victims(DENSE, 1) as pids:
            self.table(
                "One process of 1 GiB of random bytes",
                {
                    "raw copy": self.peer(pids),
                    "raw copy + memmem": self.peer(pids, search=True),
                    "literal": self.module(pids, *literal),
                    "literal + hex": self.module(pids, *literal, "--bytes", HEX),
                    "20 literals": self.module(pids, *many),
                    "literal, any case": self.module(pids, "--content", "(?i)" + ABSENT),
                    "literal, also UTF-16": self.module(pids, *literal, "--wide"),
                    "regex with a literal": self.module(pids, "--content", "absent-[0-9]{4,8}[a-z]+x"),
                    "regex without a literal": self.module(pids, "--content", "[a-z]{6}[0-9]{12}[a-z]"),
                    "YARA, literal + hex": self.yara(pids, "both", text + bytes_),
                    "YARA, any case": self.yara(pids, "nocase", [f'$t = "{ABSENT}" nocase']),
                    "YARA, regex with a literal": self.yara(pids, "prefix", ["$r = /absent-[0-9]{4,8}[a-z]+x/"]),
                    "YARA, regex without a literal": self.yara(pids, "none", ["$r = /[a-z]{6}[0-9]{12}[a-z]/"]),
                },
                "raw copy + memmem",
            )

    def sparse(self):
        with Victims(SPARSE, 1) as pids:
            before = page_tables(pids[0])
            self.table(
                "The same and 8 GiB reserved, untouched",
                {
                    "raw copy + memmem": self.peer(pids, search=True),
                    "literal + hex": self.module(pids, "--content", ABSENT, "--bytes", HEX),
                    "YARA": self.yara(pids, "both", [f'$t = "{ABSENT}"', f"$h = {{ {HEX} }}"]),
                },
                "raw copy + memmem",
            )
            print(f"\nThe target's page tables: {before} before, {page_tables(pids[0])} after.")

    def many(self, title, text, count):
        with Victims(text, count) as pids:
            self.table(
                title,
                {
                    "raw copy": self.peer(pids),
                    "raw copy + memmem": self.peer(pids, search=True),
                    "literal + hex": self.module(pids, "--content", ABSENT, "--bytes", HEX),
                    "literal + hex, two threads": self.module(pids, "--content", ABSENT, "--bytes", HEX, threads=2),
                    "YARA": self.yara(pids, "both", [f'$t = "{ABSENT}"', f"$h = {{ {HEX} }}"]),
                },
                "raw copy",
            )

    def interpreters(self):
        self.many("30 interpreters that share libraries", SMALL, 30)

    def crowd(self):
        self.many("200 small processes", TINY, 200)

    def all(self):
        flags = ["--content", ABSENT, "--bytes", HEX]
        with Victims(SMALL, 10):
            rows = {"one thread": self.module(None, *flags), "default threads": self.module(None, *flags, threads=0)}
            self.table("All processes of this machine", rows, "one thread")


def build_peer():
    """The program that copies and does nothing else."""
    command = ["cargo", "build", "--release", "--locked", "--package", "gumshoe-module-memory", "--example", "memory_peer"]
    built = subprocess.run([*command, "--message-format", "json"], check=True, stdout=subprocess.PIPE, text=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    return next(one["executable"] for one in artifacts if one.get("target", {}).get("name") == "memory_peer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", default=os.path.join(TARGET, "gumshoe-agent"))
    parser.add_argument("--plugin-dir", default=TARGET, help="folder with the built plugin")
    parser.add_argument("--rounds", type=int, default=5)
    scenes = ["dense", "sparse", "interpreters", "crowd", "all"]
    parser.add_argument("scene", nargs="*", choices=[*scenes, []])
    options = parser.parse_args()
    options.module = os.path.join(options.plugin_dir, "libgumshoe_module_memory.so")
    for path in (options.agent, options.module):
        if not os.path.exists(path):
            raise SystemExit(f"{path} is missing: build it in release mode first")
    if shutil.which("yara") is None:
        raise SystemExit("yara is missing: `apt install yara`")
    options.peer = build_peer()
    print(f"{os.cpu_count()} processors, medians of {options.rounds} rounds, one thread unless said otherwise; YARA takes "
          "one process after the other.")
    with tempfile.TemporaryDirectory() as folder:
        for scene in options.scene or scenes:
            getattr(Bench(options, folder), scene)()


if __name__ == "__main__":
    main()
