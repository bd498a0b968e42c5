#!/usr/bin/env python3
"""Measures how the `scribe` module's time grows with a document.

Timed: whole processes from start to exit, output thrown away: `gumshoe-agent run scribe --params FILE --json` on a made-up host of 1,000
packages, with everything it does: configuration, checks of the plugin, the runner process, the report. Documents have the shape of
vulnerability policies: one object per package of 2,000, one test per advisory that depends on the release; as JSON, only tests
that are true are reported. One run of each is not counted; then rounds, in each of which every document is run once. Medians.

The last table has the limit that the module is meant to keep: time per test may not grow with the number of tests.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INSTALLED = 1_000
NAMED = 2_000
SIZES = [1_000, 10_000, 100_000]
# Time per test of the largest document, start of the agent taken off, relative to that of the one before.
MAX_GROWTH = 1.5


def make_host(root: Path) -> None:
    """Debian 12 with packages of which every second one is named by the documents."""
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    with (root / "var/lib/dpkg/status").open("w") as status:
        for number in range(INSTALLED):
            status.write(
                f"Package: package-{number * 2}\nStatus: install ok installed\nPriority: optional\nSection: misc\n"
                f"Installed-Size: {number}\nMaintainer: Nobody <nobody@example.org>\nArchitecture: amd64\n"
                f"Version: 1.{number % 40}.{number % 7}-{number % 5}+deb12u{number % 3}\nDescription: made up\n\n"
            )


def make_document(path: Path, tests: int) -> int:
    """Writes parameters with so many tests; returns their size in bytes."""
    objects = [{"object": f"p{n}", "package": {"name": f"package-{n}"}} for n in range(NAMED)]
    objects.append({"object": "release", "osrelease": {"name": "^VERSION_ID$"}})
    all_tests = [{"test": "release", "object": "release", "exactmatch": {"value": "12"}}]
    for number in range(tests):
        all_tests.append(
            {
                "test": f"t{number}",
                "object": f"p{number * 7 % NAMED}",
                "evr": {"operation": "<", "value": f"1.{number % 50}.{number % 9}-{number % 4}"},
                "if": ["release"],
                "tags": [{"key": "cve", "value": f"CVE-2024-{number}"}],
            }
        )
    document = {"scribedoc": {"objects": objects, "tests": all_tests}, "onlytrue": True}
    path.write_text(json.dumps(document, separators=(",", ":")))
    return path.stat().st_size


def seconds(command: list[str]) -> float:
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: status {done.returncode}: {done.stderr.decode()}")
    return time.monotonic() - begin


def true_tests(command: list[str]) -> int:
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    if report["status"] != "success" or not report["coverage"]["complete"]:
        sys.exit(f"{command}: {report['status']}: {report['errors']} {report['coverage']}")
    return report["statistics"]["true_tests"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, required=True, help="the agent, built for release")
    parser.add_argument("--plugin-dir", type=Path, required=True, help="folder of the plugins")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "config/modules.d").mkdir(parents=True)
        (scratch / "config/agent.toml").write_text(f'modules_dir = "{arguments.plugin_dir.resolve()}"\n')
        (scratch / "config/modules.d/scribe.toml").write_text('enabled = true\nfindings = 1000000\nreport = "1g"\n')
        host = scratch / "host"
        host.mkdir()
        make_host(host)
        agent = [str(arguments.agent.resolve()), "--config-dir", str(scratch / "config"), "run", "scribe", "--json"]
        commands, bytes_of = {}, {}
        for size in [0, *SIZES]:
            path = scratch / f"{size}.json"
            bytes_of[size] = make_document(path, size)
            commands[size] = [*agent, "--root", str(host), "--params", str(path), "--findings", "1000000"]
        found = {size: true_tests(command) for size, command in commands.items()}
        times: dict[int, list[float]] = {size: [] for size in commands}
        for _ in range(arguments.rounds):
            for size, command in commands.items():
                times[size].append(seconds(command))
        report(bytes_of, found, {size: statistics.median(all_of) for size, all_of in times.items()})


def report(bytes_of: dict[int, int], found: dict[int, int], median: dict[int, float]) -> None:
    print("| tests | document | true | seconds | microseconds per test, the agent's start taken off |")
    print("| --- | --- | --- | --- | --- |")
    each = {size: (median[size] - median[0]) / size * 1e6 for size in SIZES}
    for size in [0, *SIZES]:
        shown = f"{each[size]:.1f}" if size else ""
        print(f"| {size:,} | {bytes_of[size] / 1e6:.1f} MB | {found[size]:,} | {median[size]:.3f} | {shown} |")
    growth = each[SIZES[-1]] / each[SIZES[-2]]
    verdict = "kept" if growth <= MAX_GROWTH else "**missed**"
    print(f"\nTime per test, {SIZES[-1]:,} tests to {SIZES[-2]:,}: {growth:.2f} (at most {MAX_GROWTH}): {verdict}.")


if __name__ == "__main__":
    os.umask(0o022)
    main()
