//! Expressions that are meant to hurt: each ends quickly, in a small stack, with an error of its kind.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use gumshoe_expression::{Expression, MAX_LENGTH_BYTES, Variables};
use serde_json::{Map, Value as Json, json};

/// Stack of the threads that run these tests: a quarter of what Rust gives a thread.
const STACK_BYTES: usize = 512 * 1024;

fn in_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap()
}

fn variables(values: Json) -> Variables {
    let Json::Object(map) = values else {
        panic!("variables are an object")
    };
    Variables::new(map).unwrap()
}

fn code_of(text: String, values: Json) -> Result<bool, &'static str> {
    in_a_small_stack(move || {
        let expression = Expression::parse(&text).map_err(|error| error.code())?;
        expression
            .evaluate(&variables(values))
            .map_err(|error| error.code())
    })
}

fn parse_code(text: String) -> Result<(), &'static str> {
    in_a_small_stack(move || Expression::parse(&text).map(|_| ()).map_err(|error| error.code()))
}

fn nest(open: &str, close: &str, levels: usize) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

fn chain(first: &str, link: &str, links: usize) -> String {
    format!("{first}{}", link.repeat(links))
}

#[test]
fn length_is_bounded() {
    let text = format!("'{}' == ''", "x".repeat(MAX_LENGTH_BYTES));
    assert_eq!(parse_code(text), Err("too-long"));
    let text = format!("'{}' == ''", "x".repeat(MAX_LENGTH_BYTES - 8));
    assert_eq!(parse_code(text), Ok(()));
}

#[test]
fn everything_that_nests_is_bounded() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("a[", "]"),
        ("size(", ")"),
        ("a.b(", ")"),
        ("(1+", ")"),
        ("M{a:", "}"),
    ] {
        assert_eq!(parse_code(nest(open, close, 33)), Err("too-deep"), "{open}");
        assert_eq!(
            parse_code(nest(open, close, MAX_LENGTH_BYTES / 8)),
            Err("too-deep"),
            "{open}"
        );
        assert_ne!(parse_code(nest(open, close, 30)), Err("too-deep"), "{open}");
    }
    assert_eq!(parse_code("(".repeat(MAX_LENGTH_BYTES)), Err("too-deep"));
    assert_eq!(parse_code(")".repeat(MAX_LENGTH_BYTES)), Err("syntax"));
}

#[test]
fn everything_that_chains_is_bounded() {
    for (first, link) in [
        ("1", "+1"),
        ("1", "-1"),
        ("1", "*1"),
        ("1", "/1"),
        ("1", "%1"),
        ("a", ".b"),
        ("a", ".b()"),
        ("a", "[0]"),
        ("1", "==1"),
        ("1", "!=1"),
        ("1", "<1"),
        ("1", ">=1"),
        ("1", " in a"),
        ("1", "?1:1"),
        ("1", "||1?1:1"),
        ("a", ".map(x,x)"),
    ] {
        assert_eq!(parse_code(chain(first, link, 129)), Err("too-deep"), "{link}");
        assert_eq!(
            parse_code(chain(first, link, (MAX_LENGTH_BYTES - 1) / link.len())),
            Err("too-deep"),
            "{link}"
        );
        assert_ne!(parse_code(chain(first, link, 40)), Err("too-deep"), "{link}");
    }
    for unary in ["!", "-", "!-"] {
        let text = format!("{}a", unary.repeat(4000));
        assert_eq!(parse_code(text), Err("too-deep"), "{unary}");
    }
    assert_eq!(
        parse_code(format!("{}1{}", "1?".repeat(129), ":1".repeat(129))),
        Err("too-deep")
    );
}

#[test]
fn chains_are_added_up_over_brackets() {
    let link = chain("1", "+1", 20);
    let text = format!("{}1{}", format!("({link}+").repeat(7), ")".repeat(7));
    assert_eq!(parse_code(text), Err("too-deep"));
    let text = format!("{}1{}", format!("({link}+").repeat(4), ")".repeat(4));
    assert_eq!(parse_code(text), Ok(()));
}

#[test]
fn long_lists_of_alternatives_are_welcome() {
    let ids: Vec<_> = (0..400).map(|n| format!("id == '{n}'")).collect();
    assert_eq!(code_of(ids.join(" || "), json!({"id": "399"})), Ok(true));
    assert_eq!(code_of(ids.join(" && "), json!({"id": "399"})), Ok(false));
    let list: Vec<_> = (0..1000).map(|n| format!("'{n}'")).collect();
    assert_eq!(
        code_of(format!("id in [{}]", list.join(", ")), json!({"id": "999"})),
        Ok(true)
    );
    // As deep as a balanced tree gets.
    assert_eq!(code_of(chain("a", "&&a", 2700), json!({"a": true})), Ok(true));
    assert_eq!(code_of(chain("a", "&&a||a", 1300), json!({"a": true})), Ok(true));
}

/// Were a string read differently by the scan and by the parser, a chain could hide in it.
#[test]
fn chains_do_not_hide_in_what_looks_like_a_string() {
    let hidden = chain("1", "+1", 2000);
    for text in [
        format!(r"br'\' {hidden}"),
        format!(r"b'\'' {hidden}"),
        format!("'\n{hidden}'"),
        format!("'{hidden}"),
        format!(r"'\q{hidden}'"),
        format!(r"'\xg{hidden}'"),
        format!(r"'\u12g4{hidden}'"),
        format!(r"'\400{hidden}'"),
        format!(r"xr'\'{hidden}'"),
        format!("x'{hidden}'"),
        format!("1'{hidden}'"),
        format!("`{hidden}`"),
        format!("'//' {hidden}"),
        format!("1 // '\n{}", chain("", "+1", 2000)),
        format!("'\\{}", "(".repeat(8000)),
        "'".repeat(8001),
        "r'".repeat(4000),
        "\u{feff}".repeat(2000),
        "é".repeat(4000),
        "\\".repeat(8000),
        "#".repeat(8000),
    ] {
        let Err(code) = parse_code(text.clone()) else {
            panic!("accepted: {text:.40}")
        };
        assert!(
            matches!(code, "syntax" | "too-deep" | "unsupported"),
            "{code}: {}",
            &text[..8]
        );
    }
}

#[test]
fn macros_nest_twice_and_work_is_counted() {
    let three = "l.all(a, l.all(b, l.all(c, true)))";
    assert_eq!(parse_code(three.into()), Err("too-deep"));
    let numbers: Vec<i64> = (0..2000).collect();
    let values = json!({"l": numbers});
    for text in [
        "l.all(a, l.all(b, a == b || true))",
        "l.all(a, l.exists(b, false) || true)",
        "l.map(a, l.map(b, b)) == l",
        "l.filter(a, l + l == l) == l",
        "l.all(a, a in l.map(b, b))",
        "l.exists_one(a, [l, l, l, l] == [l, l, l, l])",
    ] {
        assert_eq!(code_of(text.into(), values.clone()), Err("too-costly"), "{text}");
    }
    assert_eq!(code_of("l.all(a, a >= 0)".into(), values), Ok(true));
}

#[test]
fn being_too_costly_cannot_be_passed_over() {
    let values = json!({"l": (0..2000).collect::<Vec<i64>>()});
    for text in [
        "true || l.all(a, l.all(b, true))",
        "false && l.all(a, l.all(b, true))",
    ] {
        assert!(code_of(text.into(), values.clone()).is_ok(), "{text}");
    }
    for text in [
        "l.all(a, l.all(b, true)) || true",
        "l.all(a, l.all(b, true)) && false",
        "l.exists(x, l.map(a, a) == [x])",
    ] {
        assert_eq!(code_of(text.into(), values.clone()), Err("too-costly"), "{text}");
    }
}

#[test]
fn values_cannot_grow_without_payment() {
    let doubling = chain("['aaaaaaaaaaaaaaaa']", ".map(s, s + s + s + s)", 40);
    assert_eq!(
        code_of(format!("size({doubling}) == 1"), json!({})),
        Err("too-costly")
    );
    let lists = chain("[[1]]", ".map(l, l + l + l + l)", 40);
    assert_eq!(
        code_of(format!("size({lists}) == 1"), json!({})),
        Err("too-costly")
    );
    let shared = chain("[1]", ".map(l, [l, l, l, l])", 25);
    assert_eq!(
        code_of(format!("{shared} == {shared}"), json!({})),
        Err("too-costly")
    );
}

#[test]
fn catastrophic_patterns_are_linear_or_refused() {
    let text = "a".repeat(100_000);
    let values = json!({"text": text});
    for pattern in ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)*x", "^(a?){50}a{50}$"] {
        let code = code_of(format!("text.matches(r'{pattern}')"), values.clone());
        assert!(matches!(code, Ok(_) | Err("too-costly")), "{pattern}: {code:?}");
    }
    for pattern in [
        "a{1000}{1000}",
        "(a{100}){100}{100}",
        "(((\\w{50}){50}){50}){50}",
        "\\pL{1000}",
    ] {
        assert_eq!(
            parse_code(format!("text.matches(r'{pattern}')")),
            Err("syntax"),
            "{pattern}"
        );
    }
    // Many states and a text that defeats the fast engines: paid by states, not only by bytes.
    let many = r"text.matches(r'(?:a|b)*a(?:a|b){300}c')";
    assert_eq!(code_of(many.into(), values.clone()), Err("too-costly"));
    let groups = format!("text.matches('{}a{}')", "(".repeat(2000), ")".repeat(2000));
    assert_eq!(parse_code(groups), Err("syntax"));
    let repeated = chain("text.matches('a')", " && text.matches('b')", 300);
    assert_eq!(code_of(repeated, json!({"text": "a"})), Ok(false));
}

#[test]
fn giant_variables_cost_only_where_they_are_touched() {
    let strings: Vec<String> = (0..200_000).map(|n| n.to_string()).collect();
    let values = json!({"l": strings, "os": "linux", "t": "x".repeat(10_000_000)});
    assert_eq!(code_of("os == 'linux'".into(), values.clone()), Ok(true));
    assert_eq!(code_of("'199999' in l".into(), values.clone()), Ok(true));
    assert_eq!(
        code_of("t == t && size(t) == 10000000".into(), values.clone()),
        Ok(true)
    );
    assert_eq!(
        code_of("l.all(x, l.all(y, x == y || true))".into(), values.clone()),
        Err("too-costly")
    );
    assert_eq!(code_of("t + t + t + t == ''".into(), values), Err("too-costly"));
}

#[test]
fn deep_variables_are_compared_within_the_stack() {
    let mut deep = json!(1);
    for level in 0..63 {
        let mut map = Map::new();
        map.insert("k".into(), deep);
        deep = if level % 2 == 0 {
            Json::Object(map)
        } else {
            json!([map])
        };
        if level >= 31 && level % 2 == 1 {
            break;
        }
    }
    let values = json!({"a": deep});
    assert_eq!(
        code_of("a == a && a in [a] && [[a]] == [[a]]".into(), values),
        Ok(true)
    );
}
