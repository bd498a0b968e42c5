//! Two versions, separated by NUL, in every order: comparing must be total and antisymmetric.
#![no_main]

use gumshoe_versions::Order;

const ORDERS: [Order; 8] = [
    Order::Evr,
    Order::Rpm,
    Order::Dpkg,
    Order::Apk,
    Order::Pacman,
    Order::Semver,
    Order::Pep440,
    Order::Gem,
];

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((a, b)) = text.split_once('\0') else {
        return;
    };
    for order in ORDERS {
        if let (Ok(forth), Ok(back)) = (order.compare(a, b), order.compare(b, a)) {
            assert_eq!(forth, back.reverse(), "{order:?} {a:?} {b:?}");
        }
    }
});
