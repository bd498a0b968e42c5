//! How fast targets are: one expression over the facts of 10,000 hosts.
//!
//! `cargo bench -p gumshoe-expression` prints, per target, the time per host, and how many times
//! that of a closure written by hand for the same question, and of the `cel` crate's evaluator.
//! The three run in turns; of each the fastest of several rounds counts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gumshoe_expression::{Expression, Variables};
use serde_json::{Value as Json, json};

const HOSTS: u32 = 10_000;
const ROUNDS: usize = 15;

type Closure = fn(&Json) -> bool;

const TARGETS: [(&str, Closure); 4] = [
    ("os == 'linux'", |host| host["os"] == "linux"),
    ("os == 'linux' && tags.role == 'web'", |host| {
        host["os"] == "linux" && host["tags"]["role"] == "web"
    }),
    ("ips.exists(ip, ip.startsWith('10.0.7.'))", |host| {
        host["ips"]
            .as_array()
            .unwrap()
            .iter()
            .any(|ip| ip.as_str().unwrap().starts_with("10.0.7."))
    }),
    (
        "hostname.matches('^web-[0-9]+7[.]example[.]org$') && cpus >= 4",
        |host| {
            let name = host["hostname"].as_str().unwrap();
            let digits = name
                .strip_prefix("web-")
                .and_then(|rest| rest.strip_suffix("7.example.org"));
            digits
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
                && host["cpus"].as_u64().unwrap() >= 4
        },
    ),
];

fn host(number: u32) -> Json {
    let role = if number.is_multiple_of(3) { "web" } else { "db" };
    json!({
        "os": if number.is_multiple_of(2) { "linux" } else { "macos" },
        "hostname": format!("web-{number}.example.org"),
        "cpus": number % 16,
        "ips": [format!("10.0.{}.{}", number / 256, number % 256), format!("2001:db8::{number:x}")],
        "tags": {"role": role, "tier": "1", "owner": "infra"},
    })
}

fn cel_value(json: &Json) -> cel::Value {
    match json {
        Json::Array(items) => cel::Value::List(items.iter().map(cel_value).collect::<Vec<_>>().into()),
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), cel_value(value)));
            entries.collect::<HashMap<_, _>>().into()
        }
        Json::String(text) => cel::Value::String(text.clone().into()),
        Json::Number(number) => cel::Value::Int(number.as_i64().unwrap()),
        Json::Bool(truth) => cel::Value::Bool(*truth),
        Json::Null => cel::Value::Null,
    }
}

fn cel_context(host: &Json) -> cel::Context<'static, 'static> {
    let mut context = cel::Context::default();
    for (name, value) in host.as_object().unwrap() {
        context.add_variable_from_value(name.as_str(), cel_value(value));
    }
    context
}

fn timed(count: &mut usize, work: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    *count = black_box(work());
    start.elapsed()
}

fn main() {
    let hosts: Vec<Json> = (0..HOSTS).map(host).collect();
    let variables: Vec<Variables> = hosts
        .iter()
        .map(|host| Variables::new(host.as_object().unwrap().clone()).unwrap())
        .collect();
    let contexts: Vec<_> = hosts.iter().map(cel_context).collect();
    for (text, closure) in TARGETS {
        let expression = Expression::parse(text).unwrap();
        let program = cel::Program::compile(text).unwrap();
        let mut best = [Duration::MAX; 3];
        let mut counts = [0; 3];
        for _ in 0..ROUNDS {
            let rounds = [
                timed(&mut counts[0], || {
                    variables
                        .iter()
                        .filter(|host| expression.evaluate(host) == Ok(true))
                        .count()
                }),
                timed(&mut counts[1], || {
                    hosts.iter().filter(|host| closure(host)).count()
                }),
                timed(&mut counts[2], || {
                    contexts
                        .iter()
                        .filter(|host| program.execute(host) == Ok(cel::Value::Bool(true)))
                        .count()
                }),
            ];
            best = std::array::from_fn(|which| best[which].min(rounds[which]));
        }
        assert!(
            counts.iter().all(|count| *count == counts[0]),
            "{text}: {counts:?}"
        );
        let [ours, by_hand, cel] = best.map(|time| time.as_secs_f64() * 1e9 / f64::from(HOSTS));
        println!(
            "{text}\n  {ours:7.0} ns per host; {:.1} times a closure ({by_hand:.0} ns); cel's own {cel:.0} ns, {:.1} times ours",
            ours / by_hand,
            cel / ours
        );
    }
}
