//! What a cloud's metadata service says about this instance.
//!
//! Asked once, only where the host's firmware says that it runs in such a cloud, and here rather than
//! in the warden, which has no network code. The service is reached without any proof of who
//! answers, so the values are facts for choosing hosts, never proof of anything.

mod http;

pub use http::HttpError;

use http::{Request, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;
use std::time::Duration;

/// Where all three clouds answer: link-local, never routed.
pub const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 80));
/// How long all questions together may take.
pub const TOTAL_TIME: Duration = Duration::from_secs(1);
/// How long an answer may be, with its head.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// How long a value may be; real ones have less than 64 characters.
const MAX_VALUE_BYTES: usize = 128;

/// Facts by name: `instance_id`, `region`, `zone`, `instance_type`, `account`.
pub type Metadata = BTreeMap<&'static str, String>;

/// A kind of metadata service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon's instance metadata service, version 2: a token first.
    Aws,
    /// Google's metadata server.
    Gcp,
    /// Azure's instance metadata service.
    Azure,
}

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The service was too slow.
    #[error("the metadata service has not answered within {} ms", TOTAL_TIME.as_millis())]
    Time,
    /// One of the questions failed.
    #[error("failed to ask the metadata service for `{path}`")]
    Request {
        /// What was asked for.
        path: &'static str,
        /// Cause.
        source: HttpError,
    },
    /// The answer is not of the form that the service documents.
    #[error("the metadata service's answer for `{path}` is not understood")]
    Form {
        /// What was asked for.
        path: &'static str,
    },
}

/// No service of this name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no metadata service that is known")]
pub struct UnknownService(String);

impl FromStr for Service {
    type Err = UnknownService;

    /// Reads the fact `cloud.provider`.
    fn from_str(provider: &str) -> Result<Self, Self::Err> {
        match provider {
            "aws" => Ok(Self::Aws),
            "gcp" => Ok(Self::Gcp),
            "azure" => Ok(Self::Azure),
            other => Err(UnknownService(other.to_owned())),
        }
    }
}

/// Asks a service; `address` is [`ADDRESS`] but in tests.
///
/// Limits: [`TOTAL_TIME`], [`MAX_RESPONSE_BYTES`] per answer, no redirects. A value that no cloud
/// gives out (too long, or other characters than names have) is left out.
///
/// # Errors
///
/// [`MetadataError`] if a question failed; answers that were there before are lost with it.
pub async fn ask(service: Service, address: SocketAddr) -> Result<Metadata, MetadataError> {
    let asked = async {
        match service {
            Service::Aws => aws(address).await,
            Service::Gcp => gcp(address).await,
            Service::Azure => azure(address).await,
        }
    };
    let mut metadata = tokio::time::timeout(TOTAL_TIME, asked)
        .await
        .map_err(|_| MetadataError::Time)??;
    metadata.retain(|_, value| is_plain(value));
    Ok(metadata)
}

fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
    !value.is_empty() && value.len() <= MAX_VALUE_BYTES && value.bytes().all(plain)
}

async fn send(address: SocketAddr, request: Request<'_>) -> Result<Response, MetadataError> {
    let path = request.path;
    http::send(address, request)
        .await
        .map_err(|source| MetadataError::Request { path, source })
}

/// Source: "Use the Instance Metadata Service" in Amazon's EC2 user guide.
async fn aws(address: SocketAddr) -> Result<Metadata, MetadataError> {
    const TOKEN: &str = "/latest/api/token";
    const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";
    let lifetime = [("X-aws-ec2-metadata-token-ttl-seconds", "60")];
    let token = send(
        address,
        Request {
            method: "PUT",
            path: TOKEN,
            headers: &lifetime,
        },
    )
    .await?;
    // It goes into a header: it must not bring line ends along.
    let token = token.body.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MetadataError::Form { path: TOKEN });
    }
    let headers = [("X-aws-ec2-metadata-token", token)];
    let document = send(
        address,
        Request {
            method: "GET",
            path: DOCUMENT,
            headers: &headers,
        },
    )
    .await?;
    let fields = [
        ("instance_id", "/instanceId"),
        ("region", "/region"),
        ("zone", "/availabilityZone"),
        ("instance_type", "/instanceType"),
        ("account", "/accountId"),
    ];
    pick(DOCUMENT, &document.body, &fields)
}

/// Source: "Access VM metadata" in Google's Compute Engine documentation.
async fn gcp(address: SocketAddr) -> Result<Metadata, MetadataError> {
    const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");
    let mut metadata = Metadata::new();
    for (name, path) in [
        ("instance_id", "/computeMetadata/v1/instance/id"),
        ("zone", "/computeMetadata/v1/instance/zone"),
        ("instance_type", "/computeMetadata/v1/instance/machine-type"),
        ("account", "/computeMetadata/v1/project/project-id"),
    ] {
        let answer = send(
            address,
            Request {
                method: "GET",
                path,
                headers: &[FLAVOR],
            },
        )
        .await?;
        if answer.header(FLAVOR.0) != Some(FLAVOR.1) {
            return Err(MetadataError::Form { path });
        }
        // `projects/123/zones/europe-west1-b`: the last part is the name.
        let value = answer.body.trim();
        metadata.insert(name, value.rsplit('/').next().unwrap_or(value).to_owned());
    }
    let region = metadata
        .get("zone")
        .and_then(|zone| zone.rsplit_once('-'))
        .map(|(region, _)| region.to_owned());
    metadata.extend(region.map(|region| ("region", region)));
    Ok(metadata)
}

/// Source: "Azure Instance Metadata Service" in Microsoft's documentation.
async fn azure(address: SocketAddr) -> Result<Metadata, MetadataError> {
    const COMPUTE: &str = "/metadata/instance/compute?api-version=2021-02-01&format=json";
    let headers = [("Metadata", "true")];
    let answer = send(
        address,
        Request {
            method: "GET",
            path: COMPUTE,
            headers: &headers,
        },
    )
    .await?;
    let fields = [
        ("instance_id", "/vmId"),
        ("region", "/location"),
        ("zone", "/zone"),
        ("instance_type", "/vmSize"),
        ("account", "/subscriptionId"),
    ];
    pick(COMPUTE, &answer.body, &fields)
}

/// The named strings of a JSON object; those that are missing are left out.
fn pick(path: &'static str, body: &str, fields: &[(&'static str, &str)]) -> Result<Metadata, MetadataError> {
    let document: Value = serde_json::from_str(body).map_err(|_| MetadataError::Form { path })?;
    let field = |(name, pointer): &(&'static str, &str)| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(|value| (*name, value.to_owned()))
    };
    Ok(fields.iter().filter_map(field).collect())
}
