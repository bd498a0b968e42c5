#!/usr/bin/env python3
"""Compares the `file` module with tools that do one part of its work each, as a table of ratios.

Timed: whole processes from start to exit, output thrown away; for Gumshoe that is `gumshoe-agent run file ... --json`
with everything it does: configuration, checks of the plugin, the runner process, the report. Everything is warm: one run
of each command is not counted. Then rounds: in each, every command of a case runs once, so that noise hits all alike. The
tables show medians, and the ratio of medians (below 1: Gumshoe is faster).

The agent runs modules at niceness 10, so the others run at niceness 10 too: on a busy machine it would decide otherwise.
Peers with a thread option have their default: one thread per processor.

Needs: fd (fdfind), find, rg, openssl, sha256sum, xargs (Debian: fd-find findutils ripgrep openssl coreutils).
The plugin's folder must pass the agent's checks: owned by root, writable by nobody else, up to the root folder.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from timing import run_once, spawn, tool

NICENESS = 10
ABSENT = "0123456789abcdef" * 4
TEXT_BYTES = 16 << 20
TEN = ["Needle", "Haystack", "Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel"]


@dataclass
class Case:
    """One question and the commands that answer it: the first is ours."""

    title: str
    commands: dict[str, list[str]]
    goal: str = ""
    rounds: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


class Agent:
    """The agent with a configuration of its own."""

    def __init__(self, program: Path, plugins: Path, scratch: Path):
        self.program = program.resolve()
        self.config = scratch / "config"
        (self.config / "modules.d").mkdir(parents=True)
        (self.config / "agent.toml").write_text(f'modules_dir = "{plugins.resolve()}"\n')
        (self.config / "modules.d/file.toml").write_text('enabled = true\nreport = "1g"\n')

    def run(self, *arguments: str) -> list[str]:
        return [str(self.program), "--config-dir", str(self.config), "run", "file", "--json", *arguments]


def make_text(rng: random.Random) -> bytes:
    """Lines of made-up words."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(rng.choices(letters, range(26, 0, -1), k=rng.randint(2, 9))) for _ in range(4000)]
    lines = []
    length = 0
    while length < TEXT_BYTES:
        line = " ".join(rng.choices(words, k=rng.randint(3, 14))) + "\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()


def make_tree(top: Path, files: int, folders: int, mean_bytes: int) -> None:
    """Files of half to one and a half times the mean size, in folders three levels deep. The same for the same numbers."""
    rng = random.Random(files * 1_000_003 + folders)
    text = make_text(rng)
    fan = max(2, round(folders ** (1 / 3)))
    paths = [f"d{n // (fan * fan)}/e{n // fan % fan}/g{n % fan}" for n in range(folders)]
    for path in paths:
        (top / path).mkdir(parents=True)
    kinds = ["txt", "conf", "log", "so", "py"]
    for number in range(files):
        size = rng.randint(mean_bytes // 2, mean_bytes * 3 // 2)
        start = rng.randrange(len(text) - size)
        with open(top / paths[number % folders] / f"f{number:06}.{kinds[number % 5]}", "wb", buffering=0) as file:
            file.write(text[start : start + size])
            if number % 2000 == 7:
                file.write(b"\nthe Xylophone-Needle is here\n")


def make_large(path: Path, size: int) -> None:
    text = make_text(random.Random(1))
    with open(path, "wb") as file:
        for start in range(0, size, len(text)):
            file.write(text[: size - start])


def measure(case: Case, rounds: int) -> None:
    names = list(case.commands)
    for name in names:
        run_once(case.commands[name])
        case.seconds[name] = []
    for turn in range(case.rounds or rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            case.seconds[name].append(run_once(case.commands[name]).wall)


def show(cases: list[Case]) -> None:
    print("| question | Gumshoe s | compared with | s | ratio | goal |\n| --- | --- | --- | --- | --- | --- |")
    for case in cases:
        ours, *others = case.commands
        for other in others:
            ratio = case.median(ours) / case.median(other)
            print(f"| {case.title} | {case.median(ours):.4f} | {other} | {case.median(other):.4f} | {ratio:.2f} | {case.goal} |")


def peak_kib(command: list[str]) -> dict[int, int]:
    """Peak resident memory of a process and its children, by looking every few milliseconds; 0 is the process itself."""
    pid = spawn(command)
    peaks: dict[int, int] = {}
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        for process in [pid, *children(pid)]:
            peaks[process] = max(peaks.get(process, 0), high_water_kib(process))
        time.sleep(0.002)
    return {0 if process == pid else process: peak for process, peak in peaks.items()}


def children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        texts = [Path(f"/proc/{pid}/task/{thread}/children").read_text() for thread in threads]
    except OSError:
        return []
    return [int(word) for text in texts for word in text.split()]


def high_water_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def niced(*command: str) -> list[str]:
    return [tool("nice"), "-n", str(NICENESS), *command]


def tree_cases(agent: Agent, tree: Path, names: Path) -> list[Case]:
    rg, fd, find, xargs = tool("rg"), tool("fdfind", "fd"), tool("find"), tool("xargs")
    at = ["--path", str(tree)]

    def hashing(*command: str) -> list[str]:
        return niced(xargs, "-0", "-a", str(names), "-P2", "-n1000", *command)

    def content(title: str, *patterns: str) -> Case:
        ours = [word for pattern in patterns for word in ("--content", pattern)]
        theirs = [word for pattern in patterns for word in ("-e", pattern)]
        commands = {
            "ours": agent.run(*at, "--matchany", *ours),
            "rg -l -uuu -a": niced(rg, "-l", "-uuu", "-a", "--no-config", "--no-messages", *theirs, str(tree)),
        }
        return Case(title, commands, "≤ 1.1")

    few = r"^f00[12]\d*7\.conf$"
    return [
        Case(
            "names, regex",
            {
                "ours": agent.run(*at, "--name", few),
                "fd -uu": niced(fd, "-uu", "--type", "f", few, str(tree)),
                "find": niced(find, str(tree), "-type", "f", "-regextype", "posix-extended",
                              "-regex", r".*/f00[12][0-9]*7\.conf"),
            },
            "≤ 1.1 × fd",
        ),
        content("content, literal", "Xylophone-Needle"),
        content("content, (?i)", "(?i)xylophone-needle"),
        content("content, absent, regex", r"zq[a-f]+\d{3}-zz"),
        content("content, absent, without literals", r"[A-F][0-9]{4}[g-k]"),
        content("content, 10 patterns", *(f"Xylophone-{word}" for word in TEN)),
        Case(
            "SHA-256, absent",
            {
                "ours": agent.run(*at, "--sha2", ABSENT),
                "openssl, 2 processes": hashing(tool("openssl"), "dgst", "-sha256", "-r"),
                "sha256sum, 2 processes": hashing(tool("sha256sum")),
            },
            "≤ 1.0 × openssl",
        ),
    ]


def large_cases(agent: Agent, large: Path) -> list[Case]:
    at = ["--path", str(large)]
    rg = niced(tool("rg"), "-l", "-uuu", "-a", "--no-config", "Xylophone-Needle", str(large))
    openssl = niced(tool("openssl"), "dgst", "-sha256", str(large))
    return [
        Case("one large file, content", {"ours": agent.run(*at, "--content", "Xylophone-Needle"), "rg": rg}, "≤ 1.1"),
        Case("one large file, SHA-256", {"ours": agent.run(*at, "--sha2", ABSENT), "openssl": openssl}, "≤ 1.1"),
    ]


def start_case(agent: Agent, scratch: Path) -> Case:
    empty = scratch / "empty"
    empty.mkdir()
    commands = {"ours": agent.run("--path", str(empty)), "/bin/true": [tool("true")]}
    return Case("start to empty report", commands, "≤ 7.6", rounds=60)


def hits_case(agent: Agent, tree: Path) -> Case:
    """A twentieth and half of all files are found; without content, so that findings are what costs."""
    every = ["--findings", "1000000", "--path", str(tree), "--matchlimit", "1000000"]
    patterns = {"none": "^absent$", "few": r"[02468]0\.[a-z]+$", "many": r"[02468]\.[a-z]+$"}
    return Case("findings", {name: agent.run(*every, "--name", pattern) for name, pattern in patterns.items()})


def show_hits(case: Case, files: int) -> None:
    few, many = (case.median(name) - case.median("none") for name in ("few", "many"))
    print(f"\n{files // 20} findings take {few:.3f} s, {files // 2} take {many:.3f} s (beyond the {case.median('none'):.3f} s "
          f"of none): 10 times the findings, {many / few:.1f} times the time.")


def show_peaks(commands: dict[str, list[str]]) -> None:
    print("\n| peak resident memory | agent MiB | runner MiB |\n| --- | --- | --- |")
    for title, command in commands.items():
        peaks = peak_kib(command)
        own = peaks.pop(0)
        print(f"| {title} | {own / 1024:.1f} | {max(peaks.values(), default=0) / 1024:.1f} |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, required=True, help="the program gumshoe-agent, release build")
    parser.add_argument("--plugin-dir", type=Path, required=True, help="the folder with the plugin of `file`")
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--folders", type=int, default=5_000)
    parser.add_argument("--mean-bytes", type=int, default=5_100)
    parser.add_argument("--large-mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="only cases whose title contains this")
    parser.add_argument("--data", type=Path, help="keep the files in this folder, or find those of an earlier run there")
    return parser.parse_args()


def prepare(arguments: argparse.Namespace, data: Path) -> tuple[Path, Path, Path]:
    """The tree, the list of its files, the large file; made unless they are there."""
    tree, names, large = data / "tree", data / "names", data / "large"
    if not names.exists():
        make_tree(tree, arguments.files, arguments.folders, arguments.mean_bytes)
        make_large(large, arguments.large_mib << 20)
        paths = (os.path.join(folder, name) for folder, _, files in os.walk(tree) for name in files)
        names.write_bytes(b"\0".join(os.fsencode(path) for path in paths))
    return tree, names, large


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as scratch:
        data = arguments.data or Path(scratch)
        tree, names, large = prepare(arguments, data)
        agent = Agent(arguments.agent, arguments.plugin_dir, Path(scratch))
        compared = [*tree_cases(agent, tree, names), *large_cases(agent, large), start_case(agent, Path(scratch))]
        hits = hits_case(agent, tree)
        chosen = [case for case in [*compared, hits] if arguments.only in case.title]
        for case in chosen:
            measure(case, arguments.rounds)
        print(f"{arguments.files} files, {arguments.folders} folders, {os.cpu_count()} processors, "
              f"medians of {arguments.rounds} rounds\n")
        show([case for case in chosen if case is not hits])
        if hits in chosen:
            show_hits(hits, arguments.files)
        show_peaks({case.title: list(case.commands.values())[-1 if case is hits else 0] for case in chosen})


if __name__ == "__main__":
    main()
