#!/usr/bin/env python3
"""What the daemon costs a host that nobody asks anything, and how soon a module begins once somebody does.

The programs are those of `make build`: the real `gumshoe-agent daemon` and its courier, connected by TLS to a RabbitMQ node on
this machine, with every module enabled and a watchdog as in the systemd unit (a ping each 30 s).

* Memory: `Pss` (pages that are shared with other processes are divided by their number) and `Rss` (they are counted in each)
  of `/proc/PID/smaps_rollup`, of warden and courier together. The goal is 20 MiB of Rss.
* Rest: context switches of all their threads in a minute without a heartbeat of the agent's, from `/proc/PID/task/*/status`. Beside
  it those of a bare AMQP consumer with the same heartbeats of the connection (60 s). What an agent has to do in this
  minute: two frames of AMQP heartbeat, one probe through the relay with its answer, two pings for the watchdog.
* Begin: one message goes by one publish to the agent's queue and to that of a bare consumer (plain TCP, amqprs, no work). Measured is how
  much later than that consumer has the message the folder that the module `file` is asked about is opened, as seen from
  outside (inotify). Between the two lie: courier, link, verification of the signature, policy, the records on disk
  (two fdatasync), the start of a runner, its walls, the loading of the plugin. The goal is 10 ms.

  With the state folder in memory (tmpfs) too, so that a slow disk is told from a slow agent. Runners have niceness 10: on a machine that is
  busy otherwise they wait, and the fastest says more than the median.

Needs: rabbitmq-server, gnupg (tests/install-tools bench), and `cargo build --release`.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fleet import Program

WATCHDOG_US = 60_000_000
PATIENCE_S = 60
GOAL_MIB = 20
GOAL_MS = 10


class Host:
    """A host's folders, its agent, and what asks it."""

    def __init__(self, options, folder: Path, services: dict, state: Path):
        folder.chmod(0o755)
        self.options, self.folder, self.state = options, folder, state
        self.agent = str(options.agent)
        self.looked_at = folder / "looked-at"
        self.looked_at.mkdir()
        (self.looked_at / "note.txt").write_text("something to find\n")
        # The courier is another user, and has to reach its program.
        self.courier = shutil.copy(options.agent.resolve().parent / "gumshoe-courier", folder)
        self.configure(services)
        show = subprocess.run([self.agent, *self.where, "identity", "--create", "--json", "--state", str(state)],
                              check=True, stdout=subprocess.PIPE, text=True)
        self.id = json.loads(show.stdout)["agent"]

    def configure(self, services: dict) -> None:
        config = self.folder / "config"
        (config / "modules.d").mkdir(parents=True)
        self.where = ["--config-dir", str(config)]
        for plugin in Path(self.options.plugin_dir).glob("libgumshoe_module_*.so"):
            name = plugin.stem.removeprefix("libgumshoe_module_")
            (config / f"modules.d/{name}.toml").write_text("enabled = true\n")
        (config / "load.asc").write_text(services["key"])
        (config / "ca.pem").write_text(services["authority"])
        (config / "password").write_text("guest\n")
        (config / "password").chmod(0o600)
        (config / "policy.toml").write_text(
            f'[[investigators]]\nname = "load"\nfingerprint = "{services["fingerprint"]}"\n'
            'key = "load.asc"\ngroups = ["load"]\n\n'
            '[[permissions]]\ngroup = "load"\nmodules = ["*"]\n'
        )
        (config / "agent.toml").write_text(
            f'modules_dir = "{self.options.plugin_dir}"\n\n'
            f'[relay]\nurls = ["amqps://127.0.0.1:{services["tls_port"]}"]\nca = "{config}/ca.pem"\nuser = "guest"\n'
            f'password_file = "{config}/password"\ncourier = "{self.courier}"\n\n[heartbeat]\ninterval = "1h"\n'
        )

    def start(self) -> None:
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(self.folder / "notify"))
        self.log = (self.folder / "daemon.log").open("w")
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": str(WATCHDOG_US)}
        self.daemon = subprocess.Popen([self.agent, *self.where, "daemon", "--state", str(self.state)],
                                       stderr=self.log, env=environment)
        self.wait_until_idle()

    def status(self) -> dict:
        show = subprocess.run([self.agent, *self.where, "status", "--json", "--state", str(self.state)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return json.loads(show.stdout or "{}")

    def wait_until_idle(self) -> None:
        """Connected, the first heartbeat sent, nothing under way."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status = self.status()
            connected = status.get("relay", {}).get("phase") == "connected" and status["heartbeat"]
            if connected and not status["running"] and not status["spool"]["reports"]:
                break
            if time.monotonic() > deadline or self.daemon.poll() is not None:
                sys.exit(f"daemon: not connected:\n{Path(self.log.name).read_text()}")
            time.sleep(0.1)
        self.processes = {"warden": self.daemon.pid, "courier": status["courier"]}
        # The file that is shown by `status` is written 0.2 s after the last change.
        time.sleep(1)

    def end(self) -> None:
        self.daemon.terminate()
        self.daemon.wait(timeout=PATIENCE_S)
        self.log.close()
        self.manager.close()
        (self.folder / "notify").unlink()


def memory_kib(pid: int) -> dict:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) for name in ("Pss", "Rss")}


def switches(pid: int) -> int:
    """Context switches of all threads that a process has now: a thread that ended takes its own with it."""
    texts = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(count) for text in texts for count in re.findall(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", text, re.M))


def processor_ms(pid: int) -> float:
    """Processor time, in nanoseconds per thread in the kernel's table."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e6


def rest(processes: dict, seconds: float) -> dict:
    """What every process does while nobody asks anything."""
    before = {name: (switches(pid), processor_ms(pid)) for name, pid in processes.items()}
    time.sleep(seconds)
    after = {name: (switches(pid), processor_ms(pid)) for name, pid in processes.items()}
    return {name: [b - a for a, b in zip(before[name], after[name])] for name in processes}


def traced(host: Host, services: Program, tracer: Program, count: int, warm_up: int) -> list[dict]:
    """Asks so often, and returns when what had happened."""
    question = json.dumps({"searches": {"note": {"paths": [str(host.looked_at)], "names": ["^note\\.txt$"]}}})
    courses = []
    for number in range(count + warm_up):
        services.tell(f"sign 3600 load-{number} {question}")
        tracer.tell(services.wait_for("signed")["envelope"])
        courses.append(tracer.wait_for("traced"))
    return courses


def memory_table(rows: dict) -> None:
    print(f"| memory, MiB | warden Pss | courier Pss | together Pss | together Rss | goal {GOAL_MIB} MiB |")
    print("| --- " + "| ---: " * 4 + "| --- |")
    for name, row in rows.items():
        mib = {who: {what: kib / 1024 for what, kib in memory.items()} for who, memory in row.items()}
        rss = mib["warden"]["Rss"] + mib["courier"]["Rss"]
        print(f"| {name} | {mib['warden']['Pss']:.1f} | {mib['courier']['Pss']:.1f} "
              f"| {mib['warden']['Pss'] + mib['courier']['Pss']:.1f} | {rss:.1f} | {'met' if rss < GOAL_MIB else 'missed'} |")


def rest_table(rested: dict, seconds: float) -> None:
    print(f"\n| {seconds:.0f} s of rest | context switches | processor time |\n| --- | ---: | ---: |")
    for name, (count, used_ms) in rested.items():
        print(f"| {name} | {count} | {used_ms:.1f} ms |")


def begin_table(rows: dict) -> None:
    print("\n| after the publish, ms | bare consumer has it | module opens the folder | ratio | later by: median | 9 of 10 | "
          f"fastest | relay has the last report | goal {GOAL_MS} ms |")
    print("| --- " + "| ---: " * 7 + "| --- |")
    for name, courses in rows.items():
        median = {key: statistics.median(course[key] for course in courses) / 1000
                  for key in ("consumed_us", "looked_us", "finished_us")}
        later = sorted((course["looked_us"] - course["consumed_us"]) / 1000 for course in courses)
        middle, most = statistics.median(later), later[len(later) * 9 // 10]
        print(f"| {name} | {median['consumed_us']:.2f} | {median['looked_us']:.2f} "
              f"| {median['looked_us'] / median['consumed_us']:.1f} | {middle:.2f} | {most:.2f} | {later[0]:.2f} "
              f"| {median['finished_us']:.1f} | {'met' if middle < GOAL_MS else 'missed'} |")


def measure(options, services: Program, where: dict, folder: Path, state: Path) -> dict:
    host = Host(options, folder, where, state)
    tracer = Program(str(options.agent.resolve().parent / "gumshoe-fleet"), "trace", "--port", str(where["port"]),
                     "--agent", host.id, "--folder", str(host.looked_at))
    tracer.wait_for("tracing")
    host.start()
    result = {"memory": {}}
    keep = {name: memory_kib(pid) for name, pid in host.processes.items()}
    result["memory"]["just started, idle"] = keep
    if options.rest_s:
        result["rest"] = rest({**host.processes, "bare consumer": tracer.process.pid}, options.rest_s)
    courses = traced(host, services, tracer, options.count, options.warm_up)
    result["first"], result["courses"] = courses[0], courses[options.warm_up:]
    host.wait_until_idle()
    keep = {name: memory_kib(pid) for name, pid in host.processes.items()}
    result["memory"][f"idle after {options.count + options.warm_up} actions"] = keep
    host.end()
    tracer.end()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, default=Path("target/release/gumshoe-agent"))
    parser.add_argument("--plugin-dir", required=True)
    parser.add_argument("--count", type=int, default=200, help="actions that are measured")
    parser.add_argument("--warm-up", type=int, default=20, help="actions before them")
    parser.add_argument("--rest-s", type=float, default=60)
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    fleet = str(options.agent.resolve().parent / "gumshoe-fleet")
    services = Program(fleet, "services", "--no-postgres")
    where = services.wait_for("services")
    with tempfile.TemporaryDirectory(prefix="gumshoe-daemon-") as name, \
            tempfile.TemporaryDirectory(prefix="gumshoe-daemon-", dir="/dev/shm") as in_memory:
        on_disk, other = Path(name) / "disk", Path(name) / "memory"
        Path(name).chmod(0o755)
        on_disk.mkdir()
        other.mkdir()
        result = measure(options, services, where, on_disk, on_disk / "state")
        options.rest_s = 0
        synced = measure(options, services, where, other, Path(in_memory) / "state")
    services.end()
    memory_table(result["memory"])
    if "rest" in result:
        rest_table(result["rest"], parser.parse_args().rest_s)
    begin_table({"state on disk": result["courses"], "state in memory": synced["courses"],
                 "the very first, after the rest": [result["first"]]})
    if options.json:
        options.json.write_text(json.dumps({"disk": result, "memory": synced}, indent=1))


if __name__ == "__main__":
    main()
