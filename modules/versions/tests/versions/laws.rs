//! Every order is a total order (of classes of equal versions) and takes any text without panic.

use crate::generate::version;
use gumshoe_versions::Order;
use proptest::prelude::*;
use std::cmp::Ordering;

fn three() -> impl Strategy<Value = (Order, [String; 3])> {
    proptest::sample::select(&Order::ALL[..])
        .prop_flat_map(|order| (Just(order), [version(order), version(order), version(order)]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn reversing_reverses_and_order_is_transitive((order, [a, b, c]) in three()) {
        let compare = |x: &str, y: &str| order.compare(x, y).unwrap();
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        let (first, second) = (compare(&a, &b), compare(&b, &c));
        if first == second || second == Ordering::Equal {
            prop_assert_eq!(compare(&a, &c), first, "{:?}: {} {} {}", order, a, b, c);
        }
    }

    #[test]
    fn any_text_gets_an_answer(a in "\\PC{0,20}", b in "[0-9:.~^_+a-c-]{0,20}") {
        for order in Order::ALL {
            let there = order.compare(&a, &b);
            let back = order.compare(&b, &a);
            prop_assert_eq!(there.map(Ordering::reverse).ok(), back.ok());
        }
    }
}

#[test]
fn long_versions_take_linear_time() {
    let long = "1.0~a-".repeat(200_000) + "1";
    for order in Order::ALL {
        let _ = order.compare(&long, &long);
        let _ = order.compare(&long, &(long.clone() + "1"));
    }
}
