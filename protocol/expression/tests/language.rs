//! What expressions mean: one table per part of the language, over the facts of one host.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use gumshoe_expression::{EvaluateError, Expression, ExpressionError, Variables, VariablesError};
use serde_json::{Map, Value as Json, json};

fn variables(values: Json) -> Variables {
    let Json::Object(map) = values else {
        panic!("variables are an object")
    };
    Variables::new(map).unwrap()
}

fn host() -> Variables {
    variables(json!({
        "os": "linux",
        "hostname": "wéb-01.example.org",
        "cpus": 8,
        "memory_bytes": 17_179_869_184_u64,
        "huge": u64::MAX,
        "load": 1.5,
        "ips": ["10.1.2.3", "2001:db8::7"],
        "tags": {"role": "web", "tier": "1"},
        "cloud": {},
        "nothing": null,
        "on": true,
        "matrix": [[1, 2], [3]],
    }))
}

/// The answer, or the code of the error.
fn answer(text: &str) -> Result<bool, &'static str> {
    let expression = Expression::parse(text).map_err(|error| error.code())?;
    expression.evaluate(&host()).map_err(|error| error.code())
}

fn check(cases: &[(&str, Result<bool, &'static str>)]) {
    for (text, expected) in cases {
        assert_eq!(answer(text), *expected, "{text}");
    }
}

#[test]
fn targets_that_investigators_write() {
    check(&[
        ("true", Ok(true)),
        ("os == 'linux' && tags.role == 'web'", Ok(true)),
        (r#"os == "linux""#, Ok(true)),
        ("os in ['linux', 'darwin']", Ok(true)),
        ("'role' in tags && tags['role'] == 'web'", Ok(true)),
        ("hostname.endsWith('.example.org')", Ok(true)),
        (r"hostname.matches(r'^w.b-\d+\.')", Ok(true)),
        ("matches(hostname, '^db')", Ok(false)),
        ("ips.exists(ip, ip.startsWith('10.'))", Ok(true)),
        ("ips.all(ip, ip.startsWith('10.'))", Ok(false)),
        ("ips.exists_one(ip, ip.contains(':'))", Ok(true)),
        ("size(ips.filter(ip, ip.contains(':'))) == 1", Ok(true)),
        ("ips.map(ip, size(ip)) == [8, 11]", Ok(true)),
        (
            "ips.map(ip, ip.contains('.'), ip + '/32') == ['10.1.2.3/32']",
            Ok(true),
        ),
        ("tags.exists(key, key == 'tier' && int(tags[key]) < 2)", Ok(true)),
        ("memory_bytes >= 16 * 1024 * 1024 * 1024 // 16 GiB", Ok(true)),
        ("cpus > 4 ? on : !on", Ok(true)),
        ("matrix.exists(row, row.exists(x, x == 3))", Ok(true)),
        ("cpus\n  == 8", Ok(true)),
    ]);
}

#[test]
fn an_error_beside_the_deciding_side_does_not_matter() {
    check(&[
        ("tags.owner == 'x' || os == 'linux'", Ok(true)),
        ("os == 'linux' || tags.owner == 'x'", Ok(true)),
        ("tags.owner == 'x' && os == 'darwin'", Ok(false)),
        ("tags.owner == 'x' && os == 'linux'", Err("missing-key")),
        ("os == 'darwin' || tags.owner == 'x'", Err("missing-key")),
        ("cpus / 0 == 1 || tags.owner == 'x'", Err("failed")),
        ("'text' && false", Ok(false)),
        ("'text' && true", Err("failed")),
        ("false ? tags.owner == 'x' : true", Ok(true)),
        ("[1, 0].exists(x, 2 / x == 2)", Ok(true)),
        ("[0, 1].exists(x, 2 / x == 2)", Ok(true)),
        ("[0, 1].all(x, 2 / x == 3)", Ok(false)),
        ("[0, 1].all(x, 2 / x == 2)", Err("failed")),
        ("[0, 1].exists_one(x, 2 / x == 2)", Err("failed")),
        ("[].all(x, x) && ![].exists(x, x)", Ok(true)),
    ]);
}

#[test]
fn a_missing_key_is_an_error_of_its_own() {
    check(&[
        ("tags.owner == 'x'", Err("missing-key")),
        ("tags['owner'] == 'x'", Err("missing-key")),
        ("cloud.provider == 'aws'", Err("missing-key")),
        ("has(tags.role)", Ok(true)),
        ("has(tags.owner)", Ok(false)),
        ("!has(tags.owner) || tags.owner == 'x'", Ok(true)),
        ("has(tags.owner) && tags.owner == 'x'", Ok(false)),
        ("'owner' in tags", Ok(false)),
        ("1 in tags", Ok(false)),
        ("null in tags", Err("failed")),
        ("has(os.name)", Err("failed")),
        ("os.name == 'x'", Err("failed")),
        ("has(cloud.provider.name)", Err("missing-key")),
    ]);
    let error = Expression::parse("tags['own' + 'er'].x == '' || tags.owner.x == ''").unwrap();
    let error = error.evaluate(&host()).unwrap_err();
    assert_eq!(
        error,
        EvaluateError::MissingKey {
            path: "tags[…]".into()
        }
    );
    let error = Expression::parse("tags.owner == 'x'")
        .unwrap()
        .evaluate(&host())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`tags.owner` does not exist here; ask `has(tags.owner) && …` first"
    );
}

#[test]
fn an_unknown_name_is_never_an_answer() {
    check(&[
        ("hostnam == 'x'", Err("unknown-name")),
        ("true || hostnam == 'x'", Err("unknown-name")),
        ("ips.exists(ip, ip == pi)", Err("unknown-name")),
        ("ip == 'x' || ips.exists(ip, ip == 'x')", Err("unknown-name")),
        ("ips.exists(os, os == '10.1.2.3') && os == 'linux'", Ok(true)),
    ]);
    let error = Expression::parse("hostnam == 'x'")
        .unwrap()
        .evaluate(&host())
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("there is no `hostnam`; did you mean `hostname`? (known: os, "),
        "{message}"
    );
}

#[test]
fn unknown_functions_are_found_before_any_host_is_asked() {
    for (text, expected) in [
        (
            "hostname.startswith('x')",
            "there is no function `startswith`; did you mean `startsWith`?",
        ),
        ("size(ips, 1) == 2", "there is no function `size(_, _)`"),
        ("hostname.contains()", "there is no function `x.contains()`"),
        (
            "startsWith(hostname, 'x')",
            "there is no function `startsWith(_, _)`",
        ),
        ("shell('id')", "there is no function `shell` (known: all, bool, "),
        ("has(tags.role, 1)", "there is no function `has(_, _)`"),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.code(), "unknown-name");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn numbers_compare_by_value_and_calculate_among_themselves() {
    check(&[
        ("1 == 1.0 && 1 == 1u && 1u == 1.0", Ok(true)),
        ("1 < 2u && 1u < 1.5 && -1 < 0u", Ok(true)),
        ("huge > 9223372036854775807", Ok(true)),
        ("huge == 18446744073709551615u", Ok(true)),
        ("9007199254740993 > 9007199254740992.0", Ok(true)),
        ("-9223372036854775808 < 0", Ok(true)),
        ("load == 1.5 && load * 2.0 == 3.0", Ok(true)),
        ("0.0 / 0.0 == 0.0 / 0.0", Ok(false)),
        ("0.0 / 0.0 < 1.0", Ok(false)),
        ("1.0 / 0.0 > 1.0", Ok(true)),
        ("7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1", Ok(true)),
        ("1 + 1u == 2", Err("failed")),
        ("load * 2 == 3.0", Err("failed")),
        ("cpus + uint(1) == 9", Err("failed")),
        ("cpus + int(1u) == 9", Ok(true)),
        ("9223372036854775807 + 1 > 0", Err("failed")),
        ("-9223372036854775808 / -1 > 0", Err("failed")),
        ("-9223372036854775808 % -1 == 0", Err("failed")),
        ("-(-9223372036854775808) > 0", Err("failed")),
        ("1u - 2u == 0u", Err("failed")),
        ("9223372036854775807 * 2 > 0", Err("failed")),
        ("1 / 0 == 0", Err("failed")),
        ("1 % 0 == 0", Err("failed")),
        ("5.5 % 2.0 == 1.5", Err("failed")),
        ("9223372036854775808 > 0", Err("syntax")),
        (
            "int('42') == 42 && int(1.9) == 1 && uint('7') == 7u && double('0.5') == 0.5",
            Ok(true),
        ),
        ("int('forty') == 40", Err("failed")),
        ("int(1e19) == 1", Err("failed")),
        ("uint(-1) == 1u", Err("failed")),
        (
            "string(42) == '42' && string(on) == 'true' && bool('true')",
            Ok(true),
        ),
        ("string(load) == '1.5'", Err("failed")),
    ]);
}

#[test]
fn types_do_not_mix() {
    check(&[
        ("os == 1", Ok(false)),
        ("os != 1", Ok(true)),
        ("on == 1", Ok(false)),
        ("nothing == null", Ok(true)),
        ("os == null", Ok(false)),
        ("os < 1", Err("failed")),
        ("ips < ips", Err("failed")),
        ("nothing < null", Err("failed")),
        ("false < true && 'a' < 'b' && 'Z' < 'a'", Ok(true)),
        ("ips == ['10.1.2.3', '2001:db8::7'] && ips != []", Ok(true)),
        ("ips + ['x'] == ['10.1.2.3', '2001:db8::7', 'x']", Ok(true)),
        ("tags == tags && tags != cloud", Ok(true)),
        ("[1, 1.0, 'a', null] == [1u, 1, 'a', null]", Ok(true)),
        ("1.0 in [1, 2]", Ok(true)),
        ("'1' in [1, 2]", Ok(false)),
        ("ips + tags == ips", Err("failed")),
        ("'web' in hostname", Err("failed")),
        ("cpus.matches('x')", Err("failed")),
        ("cpus.contains('8')", Err("failed")),
        ("size(cpus) == 1", Err("failed")),
        ("!os", Err("failed")),
        ("-os == 'x'", Err("failed")),
        ("os ? true : false", Err("failed")),
        ("cpus.all(x, true)", Err("failed")),
        ("ips[0] == '10.1.2.3' && ips[1u] == '2001:db8::7'", Ok(true)),
        ("ips[2] == ''", Err("failed")),
        ("ips[-1] == ''", Err("failed")),
        ("ips[0.0] == ips[0]", Ok(true)),
        ("ips[0.5] == ''", Err("failed")),
        ("ips['0'] == ''", Err("failed")),
    ]);
}

#[test]
fn text_is_counted_in_characters() {
    check(&[
        ("size(hostname) == 18 && hostname.size() == 18", Ok(true)),
        ("size(ips) == 2 && size(tags) == 2 && size('') == 0", Ok(true)),
        ("hostname.contains('') && ''.startsWith('')", Ok(true)),
        (r"'\u00e9' in ['é'] && 'a\tb'.contains('\t')", Ok(true)),
        (r"r'\d' == '\\d'", Ok(true)),
        (
            r"'5'.matches(r'^\d$') && !'x5'.matches(r'^\d$') && 'x5'.matches(r'\d')",
            Ok(true),
        ),
        ("'WEB'.matches('(?i)^web$')", Ok(true)),
    ]);
}

#[test]
fn the_answer_is_a_boolean_or_none() {
    for (text, kind) in [
        ("1", "int"),
        ("os", "string"),
        ("null", "null_type"),
        ("ips", "list"),
        ("tags", "map"),
    ] {
        let error = Expression::parse(text).unwrap().evaluate(&host()).unwrap_err();
        assert_eq!(error, EvaluateError::NotABoolean { kind });
        assert_eq!(error.code(), "not-a-boolean");
    }
}

#[test]
fn what_is_left_out_is_refused_by_name() {
    for (text, what) in [
        ("{'a': 1}.a == 1", "a map literal `{…}`"),
        ("Host{os: 'x'} == 1", "a message literal `Name{…}`"),
        ("b'x' == b'x'", "a bytes literal `b'…'`"),
        ("os == '''linux'''", "a string in triple quotes"),
        (
            "os.matches(hostname)",
            "a regular expression that is not a string literal",
        ),
        (".os == 'linux'", "the leading dot of `.os`"),
        ("has(os)", "has() of something other than `map.key`"),
        ("ips.all('x', true)", "`all` without a name for its elements"),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.code(), "unsupported", "{text}: {error}");
        assert_eq!(error.to_string(), format!("{what} is not supported"));
    }
    assert_eq!(
        Expression::parse("tags.?role == 'x'").unwrap_err().code(),
        "syntax"
    );
}

#[test]
fn syntax_errors_say_where() {
    let error = Expression::parse("os == 'linux' &&\n  tags.role = 'web'").unwrap_err();
    let ExpressionError::Syntax { line, column, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((line, column), (2, 13));
    for text in [
        "",
        "  ",
        "os ==",
        "(os",
        "os)",
        "'open",
        "&&",
        "os == 'a' os",
        "a b",
        "1 = 1",
        "\0",
    ] {
        assert_eq!(Expression::parse(text).unwrap_err().code(), "syntax", "{text}");
    }
    let error = Expression::parse("os.matches('(')").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the regular expression `(` is not accepted: unclosed group"
    );
}

#[test]
fn an_expression_says_what_it_asks_for() {
    let expression =
        Expression::parse("os == 'x' && ips.exists(ip, ip in tags.net) || os == cloud.os").unwrap();
    assert_eq!(
        expression.names().collect::<Vec<_>>(),
        ["os", "ips", "tags", "cloud"]
    );
    assert!(expression.text().starts_with("os == "));
}

#[test]
fn variables_without_an_exact_counterpart_are_refused() {
    let parse = |text: &str| -> Map<String, Json> { serde_json::from_str(text).unwrap() };
    for number in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e300",
        "9223372036854775808.5",
    ] {
        let error = Variables::new(parse(&format!(r#"{{"a": {{"n": [{number}]}}}}"#))).unwrap_err();
        assert!(
            matches!(error, VariablesError::NumberOutOfRange { ref path, .. } if path == "a"),
            "{number}"
        );
    }
    for number in ["18446744073709551615", "-9223372036854775808", "1e10", "-0.0"] {
        assert!(
            Variables::new(parse(&format!(r#"{{"n": {number}}}"#))).is_ok(),
            "{number}"
        );
    }
    let nested = |levels: usize| format!(r#"{{"a": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(Variables::new(parse(&nested(64))).is_ok());
    let error = Variables::new(parse(&nested(65))).unwrap_err();
    assert_eq!(
        error,
        VariablesError::TooDeep {
            path: "a".into(),
            limit: 64
        }
    );
}
