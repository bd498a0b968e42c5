//! Metadata services, good and bad ones, on the loopback interface.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use gumshoe_courier::metadata::{ADDRESS, MAX_RESPONSE_BYTES, MetadataError, Service, TOTAL_TIME, ask};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

/// Answers questions until nobody asks any more; `answer` gets the question's text.
fn serve(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut question = Vec::new();
            let mut byte = [0];
            while !question.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                question.push(byte[0]);
            }
            answer(&String::from_utf8_lossy(&question), &mut stream);
        }
    });
    address
}

fn say(stream: &mut TcpStream, head: &str, body: &str) {
    let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // Who asked may have heard enough.
    let _ = stream.write_all(text.as_bytes());
}

fn asked(service: Service, address: SocketAddr) -> Result<Vec<String>, MetadataError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let metadata = runtime.block_on(ask(service, address))?;
    Ok(metadata
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect())
}

fn failure(service: Service, address: SocketAddr) -> String {
    let error = asked(service, address).unwrap_err();
    let cause = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    format!("{error}: {cause}")
}

const DOCUMENT: &str = r#"{"instanceId": "i-0abc", "region": "eu-west-1", "availabilityZone": "eu-west-1a",
    "instanceType": "t3.small", "accountId": "123456789012", "privateIp": "10.0.0.1", "kernelId": null}"#;

#[test]
fn amazon_gives_a_token_first() {
    let address = serve(|question, stream| {
        let line = question.lines().next().unwrap_or_default();
        if line == "PUT /latest/api/token HTTP/1.1"
            && question.contains("\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n")
        {
            say(stream, "200 OK", "AQAE-token==");
        } else if line == "GET /latest/dynamic/instance-identity/document HTTP/1.1"
            && question.contains("\r\nX-aws-ec2-metadata-token: AQAE-token==\r\n")
        {
            say(stream, "200 OK", DOCUMENT);
        } else {
            say(stream, "401 Unauthorized", "");
        }
    });
    let expected = [
        "account=123456789012",
        "instance_id=i-0abc",
        "instance_type=t3.small",
        "region=eu-west-1",
        "zone=eu-west-1a",
    ];
    assert_eq!(asked(Service::Aws, address).unwrap(), expected);
}

#[test]
fn google_is_asked_for_each_value_and_must_say_that_it_is_google() {
    let answer = |flavor: &'static str| {
        serve(move |question, stream| {
            assert!(question.contains("\r\nMetadata-Flavor: Google\r\n"));
            let path = question.split(' ').nth(1).unwrap_or_default();
            let body = match path.trim_start_matches("/computeMetadata/v1/") {
                "instance/id" => "8087716956832600000",
                "instance/zone" => "projects/123/zones/europe-west1-b",
                "instance/machine-type" => "projects/123/machineTypes/n2-standard-4",
                "project/project-id" => "my-project",
                _ => return say(stream, "404 Not Found", ""),
            };
            say(stream, &format!("200 OK\r\n{flavor}"), body);
        })
    };
    let expected = [
        "account=my-project",
        "instance_id=8087716956832600000",
        "instance_type=n2-standard-4",
        "region=europe-west1",
        "zone=europe-west1-b",
    ];
    assert_eq!(
        asked(Service::Gcp, answer("metadata-flavor: Google")).unwrap(),
        expected
    );
    assert!(failure(Service::Gcp, answer("Server: x")).contains("is not understood"));
}

#[test]
fn azure_answers_in_chunks() {
    let address = serve(|question, stream| {
        assert!(question.starts_with("GET /metadata/instance/compute?api-version=2021-02-01&format=json "));
        assert!(question.contains("\r\nMetadata: true\r\n"));
        let body = r#"{"vmId": "02aab8a4", "location": "westeurope", "zone": "", "vmSize": "Standard_D2s_v3",
            "subscriptionId": "8d10da13", "osProfile": {"adminUsername": "x"}}"#;
        let (one, other) = body.split_at(20);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = format!(
            "{head}{:x}\r\n{one}\r\n{:X}\r\n{other}\r\n0\r\n\r\n",
            one.len(),
            other.len()
        );
        for piece in text.as_bytes().chunks(17) {
            stream.write_all(piece).unwrap();
        }
    });
    let expected = [
        "account=8d10da13",
        "instance_id=02aab8a4",
        "instance_type=Standard_D2s_v3",
        "region=westeurope",
    ];
    assert_eq!(asked(Service::Azure, address).unwrap(), expected);
}

#[test]
fn redirects_are_not_followed() {
    let address = serve(|question, stream| {
        assert!(!question.contains("/elsewhere"));
        say(stream, "302 Found\r\nLocation: /elsewhere", "");
    });
    for service in [Service::Aws, Service::Gcp, Service::Azure] {
        assert!(failure(service, address).contains("the status 302"));
    }
}

#[test]
fn endless_answers_are_cut() {
    let heads = [
        "",
        "Content-Length: 99999999\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];
    for head in heads {
        let address = serve(move |_, stream| {
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes());
            // Until nobody listens.
            while stream.write_all(&[b'1'; 4096]).is_ok() {}
        });
        let failure = failure(Service::Azure, address);
        let refused = failure.contains(&format!("more than {MAX_RESPONSE_BYTES} bytes"))
            || failure.contains("a chunk has no length");
        assert!(refused, "{failure}");
    }
}

#[test]
fn slow_services_are_given_up() {
    // One says nothing and one never ends: both hold the connection as long as they are listened to.
    let silent = serve(|_, stream| while stream.read(&mut [0]).is_ok_and(|length| length > 0) {});
    let start = Instant::now();
    assert!(matches!(asked(Service::Aws, silent), Err(MetadataError::Time)));
    assert!(start.elapsed() >= TOTAL_TIME);
    let partial = serve(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        while stream.read(&mut [0]).is_ok_and(|length| length > 0) {}
    });
    assert!(matches!(asked(Service::Gcp, partial), Err(MetadataError::Time)));
}

#[test]
fn what_no_cloud_says_is_left_out() {
    let long = "x".repeat(200);
    let body = format!(
        r#"{{"vmId": "02aab8a4", "location": "west\u001b[2J", "vmSize": "{long}", "subscriptionId": ["a"], "zone": "é"}}"#
    );
    let address = serve(move |_, stream| say(stream, "200 OK", &body));
    assert_eq!(asked(Service::Azure, address).unwrap(), ["instance_id=02aab8a4"]);
    for body in ["[1]", "null"] {
        let address = serve(move |_, stream| say(stream, "200 OK", body));
        assert!(asked(Service::Azure, address).unwrap().is_empty(), "{body}");
    }
    for body in ["", "{"] {
        let address = serve(move |_, stream| say(stream, "200 OK", body));
        assert!(
            failure(Service::Azure, address).contains("is not understood"),
            "{body}"
        );
    }
    let address = serve(|_, stream| say(stream, "200 OK", "token\r\nX-Evil: 1"));
    assert!(failure(Service::Aws, address).contains("`/latest/api/token` is not understood"));
}

#[test]
fn nobody_there_is_an_error_at_once() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(failure(Service::Aws, address).contains("the connection failed"));
}

#[test]
fn services_have_the_names_of_the_providers() {
    assert_eq!("aws".parse::<Service>().unwrap(), Service::Aws);
    assert_eq!("gcp".parse::<Service>().unwrap(), Service::Gcp);
    assert_eq!("azure".parse::<Service>().unwrap(), Service::Azure);
    assert!("hetzner".parse::<Service>().is_err());
    assert_eq!(ADDRESS.to_string(), "169.254.169.254:80");
}
