//! Parameters: what is declared, accepted and refused.

use gumshoe_module_netstat::Netstat;
use gumshoe_plugin_api::harness::{conforms, parameters, plan};
use serde_json::{Value, json};

#[test]
fn the_declaration_is_in_order() {
    assert_eq!(conforms::<Netstat>(), Vec::<String>::new());
}

fn problem(params: Value) -> String {
    plan::<Netstat>(&params)
        .map(|_| ())
        .expect_err("refused")
        .to_string()
}

#[test]
fn slips_are_named_with_place_and_likely_meaning() {
    for (params, parts) in [
        (json!({}), ["nothing is asked", "connectedip"]),
        (
            json!({ "namespaces": true, "owners": true }),
            ["nothing is asked", "all"],
        ),
        (
            json!({ "connectedIP": ["10.0.0.1"] }),
            ["connectedIP", "connectedip"],
        ),
        (
            json!({ "connectedip": ["10.0.0.0/33"] }),
            ["/connectedip/0", "0 to 32"],
        ),
        (json!({ "localip": ["example.org"] }), ["/localip/0", "address"]),
        (
            json!({ "listeningport": ["80", "http"] }),
            ["/listeningport/1", "8000-8100"],
        ),
        (
            json!({ "listeningport": [0] }),
            ["/listeningport/0", "1 to 65535"],
        ),
        (
            json!({ "connectedport": ["90-80"] }),
            ["/connectedport/0", "90-80"],
        ),
        (json!({ "localmac": ["a("] }), ["/localmac/0", "byte 1"]),
        (json!({ "processes": ["[z-a]"] }), ["/processes/0", "byte"]),
        (json!({ "protocols": ["tpc"] }), ["/protocols/0", "tcp"]),
        (json!({ "states": ["listening"] }), ["/states/0", "listen"]),
        (json!({ "all": "yes" }), ["/all", "boolean"]),
        (
            json!({ "unixpaths": ["x"], "protocols": ["tcp"] }),
            ["do not go together", "protocols"],
        ),
        (
            json!({ "listeningport": ["1"], "states": ["established"] }),
            ["do not go together", "states"],
        ),
    ] {
        let problem = problem(params);
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

#[test]
fn documents_of_the_predecessor_are_accepted() {
    let document = json!({
        "localmac": ["^8c:70:5a:[0-9a-f]"], "neighbormac": ["^8c:70"], "localip": ["172.21.0.0/20"],
        "neighborip": ["172.21.0.3"], "connectedip": ["96.61.0.0/16", "2001:db8::/32"], "listeningport": ["80", "443"],
        "namespaces": false,
    });
    assert!(plan::<Netstat>(&document).is_ok());
    assert!(plan::<Netstat>(&json!({ "listeningport": [80, 443.0] })).is_ok());
}

#[test]
fn flags_become_parameters() {
    let arguments = [
        "--connectedip",
        "10.0.0.1",
        "--listeningport",
        "80",
        "--protocol",
        "tcp",
        "--owners",
    ];
    let expected =
        json!({ "connectedip": ["10.0.0.1"], "listeningport": ["80"], "protocols": ["tcp"], "owners": true });
    assert_eq!(parameters::<Netstat>(&arguments).expect("accepted"), expected);
}
