#!/usr/bin/env python3
"""Measures what a decision about a signed action costs.

Two tables are `cargo bench -p gumshoe-protocol`: decisions beside the bare verification of the same signatures, refusals of the largest
messages beside their SHA-256. The last one times whole processes from start to exit, output thrown away, in turns, medians: `gumshoe-agent apply`
refusing an envelope of a stranger (configuration, policy, keys, facts, state folder, decision, host log) beside `gpg --verify` of one signature.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROUNDS = 30
VECTORS = Path(__file__).parent.parent.parent / "protocol/testdata/decide"


def timed(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--plugin-dir", required=True)
    options = parser.parse_args()
    subprocess.run(["cargo", "bench", "--quiet", "--locked", "-p", "gumshoe-protocol", "--bench", "decide"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        whole_processes(Path(folder), options)


def whole_processes(folder: Path, options: argparse.Namespace) -> None:
    (folder / "agent.toml").write_text(f'modules_dir = "{options.plugin_dir}"\n')
    subprocess.run(["cp", "-r", VECTORS / "policy.toml", VECTORS / "keys", folder], check=True)
    envelope = json.loads((VECTORS / "one-signer.json").read_text())
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    (folder / "message").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    (folder / "message.sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (folder / "gpg").mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(folder / "gpg"), "GUMSHOE_CONFIG_DIR": str(folder)}
    subprocess.run(["gpg", "--quiet", "--batch", "--import", VECTORS / "keys/olga.asc"], env=environment, check=True,
                   stderr=subprocess.DEVNULL)
    apply = [options.agent, "apply", "--state", str(folder / "state"), str(VECTORS / "unknown-key.json")]
    verify = ["gpg", "--batch", "--verify", str(folder / "message.sig"), str(folder / "message")]
    commands = {"`gumshoe-agent apply`, refused": apply, "`gpg --verify`": verify, "`/bin/true`": ["/bin/true"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(timed(command, environment))
    base = statistics.median(times["`gumshoe-agent apply`, refused"])
    print("\n| whole process | median, ms | gumshoe-agent's time, relative |")
    print("| --- | --- | --- |")
    for name, spans in times.items():
        median = statistics.median(spans)
        print(f"| {name} | {median * 1000:.1f} | {base / median:.2f} |")


main()
