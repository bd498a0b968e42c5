//! Versions at random, near each other so that comparisons get beyond the first digit.

use gumshoe_versions::Order;
use proptest::prelude::*;

/// Texts that are versions in that order.
pub fn version(order: Order) -> BoxedStrategy<String> {
    let pattern = match order {
        Order::Evr | Order::Rpm => {
            "([0-2]:)?[0-2]{1,2}([.~^_+]{0,2}([0-2]{1,3}|a|b|rc|[.])){0,4}(-[0-2a.~^]{1,3})?"
        }
        Order::Dpkg => "([0-2]:)?[0-2]([.+~]?([0-2]{1,3}|[abz]|-[0-1])){0,4}(-[0-2+~a.]{1,3})?",
        Order::Apk => {
            "[0-2]{1,2}(\\.[0-2]{1,2}){0,3}[ab]?(_(alpha|beta|pre|rc|git|p)[0-2]?){0,2}(~[0-2a]{1,2})?(-r[0-2])?"
        }
        // Without a release, equality is not transitive.
        Order::Pacman => "([0-2]:)?[0-2]{1,2}(\\.([0-2]{1,2}|[ab]{1,2})){0,3}-[0-2]",
        Order::Semver => "v?[0-2](\\.[0-2]){0,2}(-(a|b|0|1|10)(\\.(a|0|1)){0,2})?(\\+[ab])?",
        Order::Pep440 => {
            "([0-1]!)?[0-2](\\.[0-2]){0,2}((a|b|rc)[0-1])?(\\.post[0-1])?(\\.dev[0-1])?(\\+[ab1](\\.[ab1])?)?"
        }
        _ => "[0-2]{1,2}(\\.([0-2]{1,2}|[ab])){0,3}(-[0-2])?",
    };
    proptest::string::string_regex(pattern).unwrap().boxed()
}

/// Pairs of versions, always the same ones.
pub fn pairs(order: Order, count: usize) -> Vec<(String, String)> {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let pair = (version(order), version(order));
    (0..count)
        .map(|_| pair.new_tree(&mut runner).unwrap().current())
        .collect()
}
