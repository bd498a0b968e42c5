#!/usr/bin/env python3
"""How long a fleet takes to answer: many simulated agents, one RabbitMQ, one gumshoe-server, on this machine.

The agents are real on the wire (`gumshoe-fleet agents`): each has a connection and a durable queue of its own, signs its
heartbeat and its reports, and waits for the broker's confirmations. They run no modules. Each answers with three signed
messages: started, one operation with three findings, finished.

Timed: from the submission of a signed action to the moment at which the server has stored the last of all messages
(`gumshoe_messages_received_total{kind="report",outcome="stored"}`), and then checked that every host counts as answered,
once. Processor time is that of the server's process (user and system) in this interval, and that of the broker, of the
agents and of PostgreSQL beside it: everything shares this machine, so the time is that of all of them together.
"first" is the first action after the start, "next" the median of those after it. Databases are on the disk of the folder
for temporary files; SQLite syncs every commit, PostgreSQL has fsync on.

RabbitMQ has two files open per agent, a socket and one of its queue's. Where it may not have as many (`ulimit -Hn`), agents
share connections, each with a channel of its own: the table says how many.

Then, in the smallest of the fleets, the server and the broker are killed (SIGKILL) while answers to an action come in, and
started again; agents whose connections are lost make others and send again what was not confirmed. Every message of every
agent has to be among the action's results exactly once, and the counters have to add up.

Needs: rabbitmq-server, postgresql, gnupg (tests/install-tools bench), and `cargo build --release`.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

TOKEN = "load-test-enrolment-token"
MESSAGES = 3
TICK = os.sysconf("SC_CLK_TCK")
STORED = re.compile(r'^gumshoe_messages_received_total\{kind="report",outcome="stored"\} (\d+)', re.M)
APPROVED = re.compile(r'^gumshoe_messages_received_total\{kind="heartbeat",outcome="(?:new|stored)"\} (\d+)', re.M)
PATIENCE_S = 900
# As docs/fleet.md advises.
BROKER = ["tcp_listen_options.sndbuf = 32768", "tcp_listen_options.recbuf = 32768"]
# Files that a broker has open beside a socket per connection and a file per queue.
OTHER_FILES = 500


class Program:
    """A process that writes JSON lines to standard output and ends when its standard input does."""

    def __init__(self, *command: str, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)

    def wait_for(self, event: str) -> dict:
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == event:
                return said
        sys.exit(f"fleet: {self.process.args[:2]} ended before it said {event!r}")

    def tell(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        # A broker's folder with 10,000 queues takes a while to remove.
        self.process.wait(timeout=600)


class Server:
    """gumshoe-server with all roles, and a token of its own."""

    def __init__(self, binary: Path, folder: Path, database: str, services: dict):
        self.database = database
        folder.joinpath("load.asc").write_text(services["key"])
        folder.joinpath("enrolment").write_text(TOKEN + "\n")
        folder.joinpath("policy.toml").write_text(
            f'[[investigators]]\nname = "load"\nfingerprint = "{services["fingerprint"]}"\n'
            'key = "load.asc"\ngroups = ["load"]\n\n'
            '[[permissions]]\nname = "load"\ngroup = "load"\nmodules = ["*"]\n'
        )
        config = folder / "server.toml"
        config.write_text(
            f'database = "{database}"\npolicy = "{folder}/policy.toml"\n\n'
            f'[relay]\nurls = ["{services["relay"]}"]\n\n'
            '[api]\nlisten = "127.0.0.1:0"\nrequests_per_minute = 60000\n\n'
            f'[enrolment]\ntoken_file = "{folder}/enrolment"\n'
        )
        self.command = [str(binary), "--config", str(config), "--log", "warn,lapin=off"]
        create = subprocess.run([*self.command, "token", "create", "load", "--role", "admin"],
                                check=True, stdout=subprocess.PIPE, text=True)
        # Agents bind their queues to exchanges that have to be there.
        subprocess.run([*self.command, "relay", "setup"], check=True, stdout=subprocess.DEVNULL)
        self.token = create.stdout.split()[0]
        self.log = folder.joinpath("server.log").open("w")
        self.start()

    def start(self) -> None:
        command = [*self.command, "serve", "--print-address"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        address = self.process.stdout.readline().strip()
        if not address:
            sys.exit(f"fleet: the server did not start, see {self.log.name}:\n" + Path(self.log.name).read_text())
        self.url = address if address.startswith("http") else f"http://{address}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read().decode()
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def counted(self, what: re.Pattern) -> int:
        return sum(int(count) for count in what.findall(self.get("/metrics")))

    def wait_until(self, what: re.Pattern, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (have := self.counted(what)) < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                log = Path(self.log.name).read_text()[-2000:]
                sys.exit(f"fleet: {have} of {count} messages after {PATIENCE_S} s; the end of the server's log:\n{log}")
            time.sleep(0.1)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=120)
        self.process.stdout.close()
        self.log.close()


def stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def processor_s(*pids: int) -> float:
    """Processor time of processes and of children that they have waited for."""
    return sum(sum(int(field) for field in stat(pid)[11:15]) for pid in pids) / TICK


def family(pid: int | None) -> list[int]:
    """A process and its children: PostgreSQL has one per connection."""
    if not pid:
        return []
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def memory_mb(pid: int, field: str = "VmHWM") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", status, re.M)[1]) / 1024


def database_mb(database: str, folder: Path) -> float:
    if database.startswith("sqlite"):
        return sum(file.stat().st_size for file in folder.glob("gumshoe.db*")) / 2**20
    return 0.0


def agents_per_connection(count: int) -> int:
    """How many agents have to share a connection so that RabbitMQ has no more files open than it may."""
    connections = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - count - OTHER_FILES
    if connections <= 0:
        sys.exit(f"fleet: RabbitMQ needs more than {count + OTHER_FILES} open files for {count} agents; raise `ulimit -Hn`")
    return -(-count // connections)


class Fleet:
    """Broker, database, server and agents, all ready."""

    def __init__(self, options, count: int, kind: str, folder: Path):
        self.count, self.kind, self.folder = count, kind, folder
        self.per_connection = options.per_connection or agents_per_connection(count)
        self.number = 0
        program = str(options.built / "gumshoe-fleet")
        settings = ([] if options.plain_broker else BROKER) + options.broker_line
        lines = [word for line in settings for word in ("--broker-line", line)]
        self.services = Program(program, "services", *lines, *([] if kind == "postgres" else ["--no-postgres"]))
        where = self.services.wait_for("services")
        database = where["postgres"] if kind == "postgres" else f"sqlite:{folder}/gumshoe.db"
        self.server = Server(options.built / "gumshoe-server", folder, database, where)
        self.broker_pid, self.postgres_pid = where["broker_pid"], where["postgres_pid"]
        began = time.monotonic()
        self.agents = Program(program, "agents", "--count", str(count), "--port", str(where["port"]),
                              "--per-connection", str(self.per_connection), "--token", TOKEN)
        self.agents.wait_for("ready")
        self.server.wait_until(APPROVED, count)
        self.joined = time.monotonic() - began

    def processes(self) -> dict[str, int]:
        pids = {"server": self.server.process.pid, "broker": self.broker_pid, "agents": self.agents.process.pid}
        return pids if self.postgres_pid is None else pids | {"postgres": self.postgres_pid}

    def submit(self) -> str:
        """Sends an action for every host; its identifier."""
        self.number += 1
        self.services.tell(f"sign 3600 load-{self.number}")
        envelope = json.loads(self.services.wait_for("signed")["envelope"])
        self.submitted = time.monotonic()
        action = self.server.get("/api/v1/actions", {"envelope": envelope})
        return action.get("id") or action["action"]["id"]

    def check(self, action: str) -> None:
        """Ends the program if the counters do not add up."""
        counters = self.server.get(f"/api/v1/actions/{action}/counters")
        expected = {"answered": self.count, "found": self.count, "findings": 3 * self.count, "targeted": self.count}
        if any(counters[name] != value for name, value in expected.items()):
            sys.exit(f"fleet: the counters do not add up: {counters}")

    def results(self, action: str) -> Counter:
        """How often each message of each agent is among the results."""
        lines = self.server.get(f"/api/v1/actions/{action}/results?format=ndjson").splitlines()
        messages = map(json.loads, lines)
        return Counter((one["agent"], one["kind"], one["operation"]) for one in messages)

    def end(self) -> None:
        self.agents.end()
        self.server.end()
        self.services.end()


def one_action(fleet: Fleet) -> dict:
    """Sends one action and waits until everything that was answered is stored."""
    stored = fleet.server.counted(STORED)
    before = {name: processor_s(*family(pid)) for name, pid in fleet.processes().items()}
    action = fleet.submit()
    fleet.server.wait_until(STORED, stored + MESSAGES * fleet.count)
    took = time.monotonic() - fleet.submitted
    used = {name: processor_s(*family(pid)) - before[name] for name, pid in fleet.processes().items()}
    fleet.agents.wait_for("answered")
    fleet.check(action)
    return {"took": took, "used": used, "messages": MESSAGES * fleet.count}


def killed_in_the_middle(fleet: Fleet, part: str) -> str:
    """Kills a part while answers come in, starts it again, and looks for every message; how it went."""
    wanted = MESSAGES * fleet.count
    for _ in range(5):
        before = fleet.server.counted(STORED)
        action = fleet.submit()
        while (stored := fleet.server.counted(STORED) - before) == 0:
            time.sleep(0.002)
        if stored < wanted:
            break
    else:
        sys.exit(f"fleet: {wanted} messages are too few to kill the {part} in the middle of them")
    killed = time.monotonic()
    if part == "server":
        fleet.server.kill()
        fleet.server.start()
    else:
        fleet.services.tell("kill-broker")
        fleet.services.wait_for("killed")
        fleet.services.tell("start-broker")
        fleet.broker_pid = fleet.services.wait_for("started")["broker_pid"]
    again = time.monotonic() - killed
    fleet.agents.wait_for("answered")
    while (found := fleet.results(action)).total() < wanted:
        if time.monotonic() - killed > PATIENCE_S:
            sys.exit(f"fleet: only {found.total()} of {wanted} messages {PATIENCE_S} s after the {part} was killed")
        time.sleep(0.1)
    took = time.monotonic() - fleet.submitted
    if len(found) != wanted or found.total() != wanted:
        sys.exit(f"fleet: {found.total()} results, {len(found)} different ones, {wanted} expected: {found.most_common(3)}")
    fleet.check(action)
    return (f"{part} killed after {stored:,} of {wanted:,} messages, ready again after {again:.1f} s: "
            f"{len(found):,} messages of {fleet.count:,} agents stored once each, {took:.1f} s after the submission")


def measure(options, count: int, kind: str) -> dict:
    with tempfile.TemporaryDirectory(prefix="gumshoe-fleet-") as name:
        fleet = Fleet(options, count, kind, Path(name))
        runs = [one_action(fleet) for _ in range(options.actions)]
        for command in options.control:
            fleet.services.tell(f"control {command}")
            print(fleet.services.wait_for("controlled")["output"], file=sys.stderr)
        pids = fleet.processes()
        result = {
            "agents": count, "per_connection": fleet.per_connection, "database": kind, "joined": fleet.joined, "runs": runs,
            "server_mb": memory_mb(pids["server"]), "broker_mb": memory_mb(pids["broker"]),
            "database_mb": database_mb(fleet.server.database, fleet.folder),
        }
        kill = options.kill if count == min(options.agents) else []
        result["killed"] = [killed_in_the_middle(fleet, part) for part in kill]
        fleet.end()
        return result


def row(result: dict) -> str:
    first, others = result["runs"][0], result["runs"][1:] or result["runs"]
    took = statistics.median(run["took"] for run in others)
    messages = others[0]["messages"]
    per_message = {
        name: 1e6 * statistics.median(run["used"][name] for run in others) / messages for name in first["used"]
    }
    return (
        f"| {result['agents']:,} | {result['per_connection']} | {result['database']} | {result['joined']:.1f} s | {first['took']:.2f} s | {took:.2f} s "
        f"| {messages / took:,.0f} | {per_message['server']:.0f} µs | {per_message.get('postgres', 0):.0f} µs "
        f"| {per_message['broker']:.0f} µs | {per_message['agents']:.0f} µs "
        f"| {result['server_mb']:.0f} MB | {result['broker_mb']:.0f} MB |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", type=Path, default=Path("target/release/gumshoe-agent"),
                        help="the programs are taken from its folder")
    parser.add_argument("--plugin-dir", help="not used: modules are not run")
    parser.add_argument("--agents", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--actions", type=int, default=4, help="actions per measurement; the first is told apart")
    parser.add_argument("--per-connection", type=int, help="agents that share a connection; as few as can be unless given")
    parser.add_argument("--kill", nargs="*", choices=["server", "broker"], default=["server", "broker"],
                        help="what is killed after the measurement, in the smallest of the fleets")
    parser.add_argument("--plain-broker", action="store_true", help="a broker without the settings of docs/fleet.md")
    parser.add_argument("--broker-line", action="append", default=[], help="a line for the broker's configuration")
    parser.add_argument("--control", action="append", default=[],
                        help="what rabbitmqctl is asked after the measurement; the answer goes to standard error")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    options.built = options.agent.resolve().parent

    print(f"From an action's submission until all messages of all agents ({MESSAGES} each) are stored. Processor time and\n"
          "messages per second are those of the later actions; memory is the highest.\n")
    print("| agents | per connection | database | all enrolled | first action | next actions | messages/s | server per message "
          "| PostgreSQL | broker | agents | server memory | broker memory |")
    print("| ---: | ---: | --- " + "| ---: " * 10 + "|")
    results = []
    for kind in options.databases:
        for count in options.agents:
            results.append(measure(options, count, kind))
            print(row(results[-1]), flush=True)
    for result in results:
        for told in result["killed"]:
            print(f"\n{result['database']}: {told}.")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
