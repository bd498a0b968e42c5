//! CSAF 2.0 and VEX, as Red Hat and SUSE publish them.
//!
//! Source: OASIS Common Security Advisory Framework 2.0. A product is a package on a platform; the package has a
//! package URL, the platform a CPE name or a telling name.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use crate::{Affected, End, Package, Release, Skipped, Statement, Tag, purl::Purl};

/// Why a CSAF document was not read.
#[derive(Debug, thiserror::Error)]
#[error("not a CSAF document")]
pub struct CsafError {
    /// What the parser says.
    #[from]
    source: serde_json::Error,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    document: Document,
    #[serde(default)]
    product_tree: ProductTree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    title: String,
    tracking: Tracking,
    aggregate_severity: Option<Severity>,
}

#[derive(Debug, Deserialize)]
struct Tracking {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Severity {
    text: String,
}

#[derive(Debug, Default, Deserialize)]
struct ProductTree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<Product>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    product_id: String,
    #[serde(default)]
    name: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Debug, Deserialize)]
struct Helper {
    cpe: Option<String>,
    purl: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: Product,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    product_status: Status,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
    #[serde(default)]
    under_investigation: Vec<String>,
}

/// Reads one document.
///
/// # Errors
///
/// [`CsafError`] when it is none.
pub fn read(text: &[u8]) -> Result<(Vec<Statement>, Skipped), CsafError> {
    let advisory: Advisory = serde_json::from_slice(text)?;
    let mut reader = Reader {
        products: products(&advisory.product_tree),
        parts: advisory
            .product_tree
            .relationships
            .iter()
            .map(|r| {
                let parts = (
                    r.product_reference.as_str(),
                    r.relates_to_product_reference.as_str(),
                );
                (r.full_product_name.product_id.as_str(), parts)
            })
            .collect(),
        advisory: &advisory,
        statements: Vec::new(),
        skipped: Skipped::default(),
    };
    for vulnerability in &advisory.vulnerabilities {
        reader.vulnerability(vulnerability);
    }
    Ok((reader.statements, reader.skipped))
}

/// All products of the tree by their ids. The parser bounds how deep branches nest.
fn products(tree: &ProductTree) -> HashMap<&str, &Product> {
    let mut products: HashMap<&str, &Product> = HashMap::new();
    let mut waiting: Vec<&Branch> = tree.branches.iter().collect();
    let mut add = |product| products.insert(Product::id(product), product);
    while let Some(branch) = waiting.pop() {
        waiting.extend(&branch.branches);
        branch.product.iter().for_each(|product| {
            add(product);
        });
    }
    tree.full_product_names.iter().for_each(|product| {
        add(product);
    });
    products
}

impl Product {
    fn id(&self) -> &str {
        &self.product_id
    }
}

struct Reader<'a> {
    advisory: &'a Advisory,
    products: HashMap<&'a str, &'a Product>,
    /// Component and platform of products that consist of both.
    parts: HashMap<&'a str, (&'a str, &'a str)>,
    statements: Vec<Statement>,
    skipped: Skipped,
}

/// What several products, one per architecture, come down to.
type Fact = (Package, Option<Release>, Option<String>);

impl Reader<'_> {
    fn vulnerability(&mut self, vulnerability: &Vulnerability) {
        let status = &vulnerability.product_status;
        let fixed: BTreeSet<Fact> = status.fixed.iter().filter_map(|id| self.fact(id)).collect();
        let affected: BTreeSet<Fact> = status
            .known_affected
            .iter()
            .filter_map(|id| self.fact(id))
            .collect();
        for _ in &status.under_investigation {
            self.skipped.add("under investigation");
        }
        let has_fix: BTreeSet<(Package, Option<Release>)> = fixed
            .iter()
            .map(|(package, release, _)| (package.clone(), release.clone()))
            .collect();
        for (package, release, version) in fixed {
            match version {
                Some(version) => self.push(vulnerability, package, release, End::Before(version)),
                None => self.skipped.add("fixed in no version that is named"),
            }
        }
        for (package, release, _) in affected {
            // Versions that are affected are listed next to the one that has the fix.
            if !has_fix.contains(&(package.clone(), release.clone())) {
                self.push(vulnerability, package, release, End::Open);
            }
        }
    }

    fn push(&mut self, vulnerability: &Vulnerability, package: Package, release: Option<Release>, to: End) {
        let tracking = &self.advisory.document.tracking.id;
        let advisory = vulnerability.cve.as_ref().unwrap_or(tracking);
        let title = match vulnerability.title.as_str() {
            "" => &self.advisory.document.title,
            title => title,
        };
        let mut tags = vec![Tag::new("advisory", tracking)];
        if let Some(severity) = &self.advisory.document.aggregate_severity {
            tags.push(Tag::new("severity", &severity.text));
        }
        if to == End::Open {
            tags.push(Tag::new("fix", "none"));
        }
        self.statements.push(Statement {
            advisory: advisory.clone(),
            title: title.to_owned(),
            package,
            releases: release.into_iter().collect(),
            affected: Affected::Range { from: None, to },
            tags,
        });
    }

    /// Package, release and version of a product; source packages have counterparts that can be installed.
    fn fact(&mut self, id: &str) -> Option<Fact> {
        let (component, platform) = self.parts.get(id).copied().unwrap_or((id, id));
        let Some(purl) = self
            .helper(component)
            .and_then(|helper| helper.purl.as_deref())
            .and_then(Purl::parse)
        else {
            self.skipped.add("product without package URL");
            return None;
        };
        if purl.qualifier("arch") == Some("src") {
            return None;
        }
        let Some(kind) = kind(&purl) else {
            self.skipped.add(format!("package type {}", purl.kind));
            return None;
        };
        let release = self.release(platform, &purl);
        if release.is_none()
            && purl.kind != "pypi"
            && purl.kind != "npm"
            && purl.kind != "gem"
            && purl.kind != "cargo"
        {
            self.skipped.add("platform not known");
            return None;
        }
        let package = Package {
            name: name(&purl),
            kind,
            by_source: false,
        };
        Some((package, release, purl.full_version()))
    }

    fn helper(&self, id: &str) -> Option<&Helper> {
        self.products.get(id)?.product_identification_helper.as_ref()
    }

    fn release(&self, platform: &str, purl: &Purl) -> Option<Release> {
        let cpe = self.helper(platform).and_then(|helper| helper.cpe.as_deref());
        let name = self.products.get(platform).map(|product| product.name.as_str());
        cpe.and_then(Release::from_cpe)
            .or_else(|| name.and_then(Release::parse))
            .or_else(|| {
                purl.qualifier("distro")
                    .and_then(|distro| Release::parse(&distro.replace('-', " ")))
            })
    }
}

fn kind(purl: &Purl) -> Option<&'static str> {
    match purl.kind.as_str() {
        "rpm" => Some("rpm"),
        "deb" => Some("dpkg"),
        "apk" => Some("apk"),
        "alpm" => Some("pacman"),
        "pypi" => Some("pip"),
        "npm" => Some("npm"),
        "gem" => Some("gem"),
        "cargo" => Some("cargo"),
        _ => None,
    }
}

/// The name as it is installed: that of npm includes the scope.
fn name(purl: &Purl) -> String {
    match (purl.kind.as_str(), purl.namespace.as_str()) {
        ("npm", scope) if !scope.is_empty() => format!("{scope}/{}", purl.name),
        _ => purl.name.clone(),
    }
}
