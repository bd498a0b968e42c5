//! Parameters to plan: every check that needs no look at the host. All problems are reported at once.

use crate::params::{Params, Ports};
use crate::parse::address::{Network, NetworkSet};
use crate::parse::ports::{self, PortSet};
use crate::plan::{Asked, Everything, Namespaces, Only, Owners, Plan};
use gumshoe_plugin_api::Problems;
use gumshoe_scan::{Limits, Regex};
use std::sync::Arc;

/// Values of one parameter.
pub const MAX_VALUES: usize = 100_000;
/// Regular expressions of one parameter.
pub const MAX_REGEXES: usize = 1000;

impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let mut checker = Checker(Problems::new());
        let ports = |ports: &[Ports]| ports.iter().map(Ports::text).collect::<Vec<_>>();
        let plan = Plan {
            local_macs: checker.regexes("localmac", &params.localmac, Case::Ignored),
            local_ips: checker.networks("localip", &params.localip),
            neighbor_macs: checker.regexes("neighbormac", &params.neighbormac, Case::Ignored),
            neighbor_ips: checker.networks("neighborip", &params.neighborip),
            connected_ips: checker.networks("connectedip", &params.connectedip),
            connected_ports: checker.ports("connectedport", &ports(&params.connectedport)),
            listening_ports: checker.ports("listeningport", &ports(&params.listeningport)),
            unix_paths: checker.regexes("unixpaths", &params.unixpaths, Case::Kept),
            everything: everything(&params),
            only: Only {
                protocols: params.protocols.clone(),
                states: params.states.clone(),
                programs: checker.regexes("processes", &params.processes, Case::Kept).tests,
            },
            owners: if params.owners {
                Owners::Named
            } else {
                Owners::Unnamed
            },
            namespaces: if params.namespaces {
                Namespaces::All
            } else {
                Namespaces::Own
            },
        };
        if checker.0.is_empty() && !(plan.wants_links() || plan.wants_neighbours() || plan.wants_sockets()) {
            checker.0.add("", nothing_asked(&params));
        }
        checker.0.or(plan)
    }
}

/// Filters alone ask for all that they let through; without questions or filters there is nothing to do.
fn everything(params: &Params) -> Everything {
    let narrows = !(params.protocols.is_empty() && params.states.is_empty() && params.processes.is_empty());
    let asks_about_sockets = !(params.connectedip.is_empty()
        && params.connectedport.is_empty()
        && params.listeningport.is_empty()
        && params.unixpaths.is_empty());
    match (params.all, narrows) {
        (true, false) => Everything::All,
        (true, true) => Everything::Sockets,
        (false, true) if !asks_about_sockets => Everything::Sockets,
        (false, _) => Everything::No,
    }
}

fn nothing_asked(params: &Params) -> &'static str {
    match everything(params) {
        Everything::No if params.protocols.is_empty() && params.states.is_empty() => {
            "nothing is asked: give at least one of localmac, localip, neighbormac, neighborip, connectedip, \
             connectedport, listeningport, unixpaths, protocols, states, processes, or all"
        }
        _ => "no socket can be all of this: the questions do not go together with protocols and states",
    }
}

struct Checker(Problems);

#[derive(Clone, Copy)]
enum Case {
    Kept,
    Ignored,
}

impl Checker {
    /// Parses values; those that are refused become problems.
    fn parsed<T, E: ToString>(
        &mut self,
        key: &str,
        values: &[String],
        limit: usize,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Asked<Vec<T>> {
        if values.len() > limit {
            let message = format!("{} values are more than the limit of {limit}", values.len());
            self.0.add(format!("/{key}"), message);
        }
        let mut asked: Asked<Vec<T>> = Asked {
            values: Vec::new(),
            tests: Vec::new(),
        };
        for (index, value) in values.iter().take(limit).enumerate() {
            match parse(value) {
                Ok(test) => {
                    asked.values.push(Arc::from(value.as_str()));
                    asked.tests.push(test);
                }
                Err(error) => self.0.add(format!("/{key}/{index}"), error.to_string()),
            }
        }
        asked
    }

    fn networks(&mut self, key: &str, values: &[String]) -> Asked<NetworkSet> {
        let Asked { values, tests } = self.parsed(key, values, MAX_VALUES, Network::parse);
        Asked {
            values,
            tests: NetworkSet::new(tests),
        }
    }

    fn ports(&mut self, key: &str, values: &[String]) -> Asked<PortSet> {
        let Asked { values, tests } = self.parsed(key, values, MAX_REGEXES, ports::parse);
        Asked {
            values,
            tests: PortSet::new(tests),
        }
    }

    fn regexes(&mut self, key: &str, values: &[String], case: Case) -> Asked<Vec<Regex>> {
        self.parsed(key, values, MAX_REGEXES, |text| regex(text, case))
    }
}

fn regex(text: &str, case: Case) -> Result<Regex, String> {
    let limits = Limits::default();
    // Compiled as it was given first, so that positions in messages are right.
    let kept = Regex::new(text, &limits).map_err(|error| error.reason())?;
    match case {
        Case::Kept => Ok(kept),
        Case::Ignored => Regex::new(&format!("(?i:{text})"), &limits).map_err(|error| error.reason()),
    }
}
