//! Carries out a plan: looks into each namespace, tests what is there, and says whose it is.

use crate::finding::{Finding, Question};
use crate::namespace::{Namespace, Sources};
use crate::os::{self, Holders, View, ViewError};
use crate::parse::hardware;
use crate::plan::{Everything, LookAtProcesses, Plan, Sought, Wanted};
use crate::socket::{Address, Link, Neighbour, Protocol, Socket};
use gumshoe_plugin_api::{Context, Failure, Flow, Skipped};
use gumshoe_process::Names;
use serde::Serialize;
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;

/// Sockets that are kept at once, before their processes are known.
const MAX_KEPT: usize = 1 << 20;
/// Threads that look at processes' open files, unless the host's owner says otherwise.
const MAX_THREADS: usize = 4;
/// Sockets between two looks at the clock.
const CLOCK_INTERVAL: u64 = 1024;

/// Numbers about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Network namespaces that were looked into.
    pub namespaces: u64,
    /// Sockets that the kernel told of; those that it left out by a filter are not counted.
    pub sockets: u64,
    /// Addresses of interfaces, and interfaces without one.
    pub addresses: u64,
    /// Neighbours.
    pub neighbors: u64,
    /// Processes that have one of the sockets in question.
    pub processes: u64,
}

/// Runs a plan.
///
/// # Errors
///
/// [`Failure`] when not even one network namespace could be looked into.
pub fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    let sources = if context.root() == Path::new("/") {
        Sources::System
    } else {
        Sources::Tables
    };
    let mut run = Run {
        plan,
        context,
        users: OnceCell::new(),
        holders: Holders::default(),
        kept: Vec::new(),
        namespaces: Vec::new(),
        statistics: Statistics::default(),
    };
    run.find_programs();
    let places = os::places(context.root(), sources, plan.namespaces, &mut |skipped| {
        context.skipped(skipped)
    });
    os::in_each(
        &places,
        context.root(),
        sources,
        &mut |skipped| context.skipped(skipped),
        &mut |namespace, view| run.look_into(namespace, view),
    );
    if run.statistics.namespaces == 0 {
        return Err(Failure::new("no network namespace could be looked into"));
    }
    run.resolve();
    Ok(run.statistics)
}

struct Run<'a> {
    plan: &'a Plan,
    context: &'a Context,
    /// Names of users, once a finding has one.
    users: OnceCell<Names>,
    /// The processes that have sockets, as far as they were looked for.
    holders: Holders,
    /// Sockets that wait for their processes to be found.
    kept: Vec<Kept>,
    namespaces: Vec<Namespace>,
    statistics: Statistics,
}

/// A socket that answers a question, apart from what concerns its processes.
struct Kept {
    socket: Socket,
    interface: Option<String>,
    /// Place in [`Run::namespaces`].
    namespace: usize,
}

impl Run<'_> {
    fn look_into(&mut self, namespace: &Namespace, view: &mut View) -> ControlFlow<()> {
        self.statistics.namespaces += 1;
        self.namespaces.push(namespace.clone());
        if self.plan.wants_links() {
            self.links(view)?;
        }
        if self.plan.wants_neighbours() {
            self.neighbours(view)?;
        }
        for protocol in Protocol::ALL {
            if let Some(wanted) = self.plan.wanted(protocol) {
                self.sockets(view, &wanted)?;
            }
        }
        if view.malformed() > 0 {
            let skipped = Skipped::one("entry of the kernel", "it is not understood").count(view.malformed());
            self.context.skipped(skipped);
        }
        if self.context.stopped().is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Hands over a finding of the namespace that is being looked into.
    fn emit(&self, finding: Finding) -> ControlFlow<()> {
        self.emit_of(self.namespaces.len() - 1, finding)
    }

    fn emit_of(&self, namespace: usize, mut finding: Finding) -> ControlFlow<()> {
        finding.namespace = self
            .namespaces
            .get(namespace)
            .filter(|one| one.inode != 0)
            .cloned();
        finding.user = finding.uid.and_then(|uid| self.user(uid));
        match self.context.emit(&finding) {
            Flow::Continue => ControlFlow::Continue(()),
            Flow::Stop => ControlFlow::Break(()),
        }
    }

    fn user(&self, uid: u32) -> Option<String> {
        let users = self.users.get_or_init(|| os::users(self.context.root()));
        users.of(uid).map(str::to_owned)
    }

    fn not_listed(&self, what: &str, error: &ViewError) {
        let namespace = self.namespaces.last().map(Namespace::words).unwrap_or_default();
        let why = Failure::from(error);
        self.context
            .skipped(Skipped::one(what, why.message()).example(namespace));
    }

    fn links(&mut self, view: &mut View) -> ControlFlow<()> {
        let links = match view.links() {
            Ok(links) => links.to_vec(),
            Err(error) => {
                self.not_listed("interfaces", &error);
                Vec::new()
            }
        };
        let addresses = view.addresses().unwrap_or_else(|error| {
            self.not_listed("addresses of interfaces", &error);
            Vec::new()
        });
        for address in &addresses {
            self.address(links.iter().find(|link| link.index == address.index), address)?;
        }
        for link in &links {
            let is_bare = !addresses.iter().any(|address| address.index == link.index);
            self.link(link, is_bare)?;
        }
        ControlFlow::Continue(())
    }

    fn address(&mut self, link: Option<&Link>, address: &Address) -> ControlFlow<()> {
        self.statistics.addresses += 1;
        let all = (self.plan.everything == Everything::All).then_some((Question::All, None));
        let asked = self
            .plan
            .local_ips
            .matches(address.ip)
            .map(|value| (Question::Localip, Some(value)));
        for (question, value) in asked.chain(all) {
            self.emit(Finding::interface(question, value, link, Some(address)))?;
        }
        ControlFlow::Continue(())
    }

    fn link(&mut self, link: &Link, is_bare: bool) -> ControlFlow<()> {
        if is_bare {
            self.statistics.addresses += 1;
        }
        let all = (is_bare && self.plan.everything == Everything::All).then_some((Question::All, None));
        let macs = &self.plan.local_macs;
        let fits = |test: &gumshoe_scan::Regex| {
            [&link.mac, &link.permanent_mac]
                .iter()
                .any(|mac| !mac.is_empty() && test.is_match(hardware::format(mac).as_bytes()))
        };
        let asked = macs.values.iter().zip(&macs.tests).filter(|(_, test)| fits(test));
        let asked = asked.map(|(value, _)| (Question::Localmac, Some(value)));
        for (question, value) in asked.chain(all) {
            self.emit(Finding::interface(question, value, Some(link), None))?;
        }
        ControlFlow::Continue(())
    }

    fn neighbours(&mut self, view: &mut View) -> ControlFlow<()> {
        let neighbours = match view.neighbours() {
            Ok(neighbours) => neighbours,
            Err(error) => {
                self.not_listed("neighbors", &error);
                return ControlFlow::Continue(());
            }
        };
        if !view.knows_neighbours_of_v6() {
            self.not_listed("neighbors by IPv6", &ViewError::NoTable);
        }
        for (neighbour, interface) in &neighbours {
            self.neighbour(neighbour, interface.as_deref())?;
        }
        ControlFlow::Continue(())
    }

    fn neighbour(&mut self, neighbour: &Neighbour, interface: Option<&str>) -> ControlFlow<()> {
        self.statistics.neighbors += 1;
        let plan = self.plan;
        let mac = hardware::format(&neighbour.mac);
        let macs = plan
            .neighbor_macs
            .matches(mac.as_bytes())
            .filter(|_| !mac.is_empty());
        let macs = macs.map(|value| (Question::Neighbormac, Some(value)));
        let ips = plan
            .neighbor_ips
            .matches(neighbour.ip)
            .map(|value| (Question::Neighborip, Some(value)));
        let all = (plan.everything == Everything::All).then_some((Question::All, None));
        for (question, value) in macs.chain(ips).chain(all) {
            self.emit(Finding::neighbor(question, value, neighbour, interface))?;
        }
        ControlFlow::Continue(())
    }

    /// Keeps the sockets that answer a question; hands them over at once if their processes are not of interest.
    fn sockets(&mut self, view: &mut View, wanted: &Wanted) -> ControlFlow<()> {
        let before = self.plan.look_at_processes() == LookAtProcesses::Before;
        if before && self.holders.processes() == 0 {
            return ControlFlow::Continue(());
        }
        let first = self.kept.len();
        let (limit, why) = self.keep_limit();
        let mut dropped = 0;
        let holders = &self.holders;
        let namespace = self.namespaces.len() - 1;
        let (plan, context, statistics, kept) =
            (self.plan, self.context, &mut self.statistics, &mut self.kept);
        let listed = view.sockets(wanted, &mut |socket| {
            statistics.sockets += 1;
            let mut answers = false;
            if !before || holders.of(socket.inode).next().is_some() {
                plan.answers(&socket, &mut |_, _| answers = true);
            }
            match () {
                () if !answers => {}
                () if kept.len() < limit => kept.push(Kept {
                    socket,
                    interface: None,
                    namespace,
                }),
                () => dropped += 1,
            }
            let is_time = statistics.sockets.is_multiple_of(CLOCK_INTERVAL);
            if is_time && context.stopped().is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if let Err(error) = listed {
            self.not_listed(&format!("{} sockets", wanted.protocol.name()), &error);
        }
        if dropped > 0 {
            self.context.skipped(Skipped::one("socket", why).count(dropped));
        }
        for one in &mut self.kept[first..] {
            one.interface = view.link_name(one.socket.interface);
        }
        match self.plan.look_at_processes() {
            LookAtProcesses::After => ControlFlow::Continue(()),
            LookAtProcesses::Before | LookAtProcesses::Never => self.hand_over(),
        }
    }

    /// How many sockets to keep, and the limit behind that: more than may be reported are of no use, unless processes
    /// decide which ones those are.
    fn keep_limit(&self) -> (usize, String) {
        let findings = self.context.limits().findings;
        let is_after = self.plan.look_at_processes() == LookAtProcesses::After;
        let decides_after = is_after && !self.plan.only.programs.is_empty();
        match usize::try_from(findings) {
            // One more, so that the report says that there are more.
            Ok(reported) if !decides_after && reported < MAX_KEPT => {
                (reported + 1, format!("limit reached: findings = {findings}"))
            }
            _ => (MAX_KEPT, format!("limit reached: sockets = {MAX_KEPT}")),
        }
    }

    /// Finds the processes of the programs that were asked for, with all their sockets.
    fn find_programs(&mut self) {
        if self.plan.look_at_processes() == LookAtProcesses::Before {
            let programs = &self.plan.only.programs;
            self.look_at_processes(Sought::Programs(&|exe| {
                programs.iter().any(|program| program.is_match(exe))
            }));
        }
    }

    /// Finds the processes of the sockets that were kept, and hands over those that are left.
    fn resolve(&mut self) {
        if self.plan.look_at_processes() != LookAtProcesses::After {
            return;
        }
        // Without an inode a socket has outlived its processes: there is nothing to resolve.
        let mut inodes: Vec<u64> = self
            .kept
            .iter()
            .map(|one| one.socket.inode)
            .filter(|&inode| inode != 0)
            .collect();
        inodes.sort_unstable();
        self.look_at_processes(Sought::Sockets(&inodes));
        for one in &self.kept {
            if one.socket.inode != 0 && self.holders.of(one.socket.inode).next().is_none() {
                let example = Finding::socket(Question::All, None, &one.socket).to_string();
                let skipped = Skipped::one("process of a socket", "no process was seen to have the socket");
                self.context.skipped(skipped.example(example));
            }
        }
        let _ = self.hand_over();
    }

    fn look_at_processes(&mut self, sought: Sought<'_>) {
        let (context, threads) = (self.context, self.threads());
        self.holders = os::holders(context.root(), sought, threads, &|skipped| {
            context.skipped(skipped)
        });
        self.statistics.processes = self.holders.processes() as u64;
    }

    /// Threads for the look at processes' open files.
    fn threads(&self) -> usize {
        match usize::try_from(self.context.limits().threads) {
            Ok(0) | Err(_) => thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MAX_THREADS),
            Ok(threads) => threads,
        }
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        let kept = std::mem::take(&mut self.kept);
        kept.iter().try_for_each(|one| self.hand_over_one(one))
    }

    fn hand_over_one(&self, one: &Kept) -> ControlFlow<()> {
        let programs = &self.plan.only.programs;
        let mut processes = self.holders.of(one.socket.inode);
        let is_program = |exe: &[u8]| programs.iter().any(|program| program.is_match(exe));
        if !programs.is_empty()
            && !processes.any(|process| process.exe_path().is_some_and(|exe| is_program(&exe)))
        {
            return ControlFlow::Continue(());
        }
        let mut flow = ControlFlow::Continue(());
        self.plan.answers(&one.socket, &mut |question, value| {
            if flow.is_break() {
                return;
            }
            let mut finding = Finding::socket(question, value, &one.socket);
            finding.interface.clone_from(&one.interface);
            finding.processes = self.holders.of(one.socket.inode).cloned().collect();
            flow = self.emit_of(one.namespace, finding);
        });
        flow
    }
}
