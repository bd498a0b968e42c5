//! Which cloud the host runs in, from what the firmware and cloud-init left on the host.
//!
//! Sources: the identification that cloud-init's `ds-identify` relies on (DMI fields of
//! `/sys/class/dmi/id`, Xen's `/sys/hypervisor/uuid`), and cloud-init's `instance-data.json`, whose
//! keys below `v1` are documented as stable.

use super::Reader;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where cloud-init leaves what it learnt, without secrets.
const INSTANCE_DATA: &str = "run/cloud-init/instance-data.json";
/// Azure's asset tag, the same on every machine.
const AZURE_ASSET_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon EC2.
    Aws,
    /// Google Compute Engine.
    Gcp,
    /// Microsoft Azure.
    Azure,
    /// Alibaba Cloud.
    Alibaba,
    /// DigitalOcean.
    DigitalOcean,
    /// Exoscale.
    Exoscale,
    /// Hetzner Cloud.
    Hetzner,
    /// An OpenStack of anybody's.
    OpenStack,
    /// Oracle Cloud.
    Oracle,
    /// Scaleway.
    Scaleway,
    /// Vultr.
    Vultr,
}

impl Cloud {
    /// The fact `cloud.provider`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
            Self::Alibaba => "alibaba",
            Self::DigitalOcean => "digitalocean",
            Self::Exoscale => "exoscale",
            Self::Hetzner => "hetzner",
            Self::OpenStack => "openstack",
            Self::Oracle => "oracle",
            Self::Scaleway => "scaleway",
            Self::Vultr => "vultr",
        }
    }

    /// True if the courier knows how to ask this cloud's metadata service.
    #[must_use]
    pub const fn has_metadata(self) -> bool {
        matches!(self, Self::Aws | Self::Gcp | Self::Azure)
    }
}

/// The firmware's identification.
struct Firmware {
    vendor: String,
    product: String,
    asset_tag: String,
    board_asset_tag: String,
    xen_uuid: String,
}

impl Firmware {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut text = |path: &str| reader.text(path).unwrap_or_default();
        Self {
            vendor: text("sys/class/dmi/id/sys_vendor"),
            product: text("sys/class/dmi/id/product_name"),
            asset_tag: text("sys/class/dmi/id/chassis_asset_tag"),
            board_asset_tag: text("sys/class/dmi/id/board_asset_tag"),
            xen_uuid: text("sys/hypervisor/uuid"),
        }
    }

    fn cloud(&self) -> Option<Cloud> {
        match (
            self.vendor.as_str(),
            self.product.as_str(),
            self.asset_tag.as_str(),
        ) {
            ("Amazon EC2", ..) => Some(Cloud::Aws),
            (_, "Google Compute Engine", _) => Some(Cloud::Gcp),
            (_, _, AZURE_ASSET_TAG) => Some(Cloud::Azure),
            (_, "Alibaba Cloud ECS", _) => Some(Cloud::Alibaba),
            ("DigitalOcean", ..) => Some(Cloud::DigitalOcean),
            ("Exoscale", ..) => Some(Cloud::Exoscale),
            ("Hetzner", ..) => Some(Cloud::Hetzner),
            (_, _, "OracleCloud.com") => Some(Cloud::Oracle),
            ("Scaleway", ..) => Some(Cloud::Scaleway),
            ("Vultr", ..) => Some(Cloud::Vultr),
            (_, product, _) if product.starts_with("OpenStack ") => Some(Cloud::OpenStack),
            _ if self
                .xen_uuid
                .get(..3)
                .is_some_and(|start| start.eq_ignore_ascii_case("ec2")) =>
            {
                Some(Cloud::Aws)
            }
            _ => None,
        }
    }
}

/// The cloud, and the fact `cloud` as far as files on the host tell it.
///
/// Shape: `provider` where the cloud is known; `instance_id`, `region`, `zone`, `instance_type`,
/// `account` where the firmware or cloud-init say them.
pub fn read(reader: &mut Reader<'_>) -> (Option<Cloud>, BTreeMap<String, String>) {
    let firmware = Firmware::read(reader);
    let Some(cloud) = firmware.cloud() else {
        return (None, BTreeMap::new());
    };
    let mut facts = BTreeMap::from([("provider".to_owned(), cloud.name().to_owned())]);
    if cloud == Cloud::Aws && firmware.board_asset_tag.starts_with("i-") {
        facts.insert("instance_id".to_owned(), firmware.board_asset_tag);
    }
    if let Some(text) = reader.text(INSTANCE_DATA) {
        match serde_json::from_str(&text) {
            Ok(data) => facts.extend(instance_data(&data)),
            Err(error) => reader
                .problems
                .push(format!("`/{INSTANCE_DATA}` is not JSON: {error}")),
        }
    }
    (Some(cloud), facts)
}

/// What cloud-init learnt. `v1` is its stable part; type and account are where EC2 puts them.
fn instance_data(data: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    [
        ("instance_id", "/v1/instance_id"),
        ("region", "/v1/region"),
        ("zone", "/v1/availability_zone"),
        ("instance_type", "/ds/meta_data/instance-type"),
        ("account", "/ds/dynamic/instance-identity/document/accountId"),
    ]
    .into_iter()
    .filter_map(|(name, path)| {
        let value = data.pointer(path)?.as_str()?;
        (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    })
}
