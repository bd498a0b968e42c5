//! A primary key or a subkey, with everything that decides whether it may sign.
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pgp::types::VerifyingKey;

use crate::algorithm::{Algorithm, AlgorithmError};
use crate::error::SignatureError;
use crate::fingerprint::Fingerprint;
use crate::statement::Statement;
use crate::verify::Moment;

/// A key that can check signatures.
pub(crate) type Verifier = Arc<dyn VerifyingKey + Send + Sync>;

/// A primary key or a subkey.
#[derive(Clone)]
pub(crate) struct Component {
    pub(crate) key: Verifier,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) created: DateTime<Utc>,
    /// Nothing signs with an algorithm that is not accepted, but the key may be there.
    pub(crate) algorithm: Result<Algorithm, AlgorithmError>,
    /// What the primary key says about it, the newest first.
    pub(crate) bindings: Vec<Binding>,
    /// What forbids it for ever.
    pub(crate) obstacle: Option<Obstacle>,
}

/// One valid signature by the primary key about a key.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) made: DateTime<Utc>,
    /// When the key, or this signature about it, ends.
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) permission: Permission,
    /// Why it could be forged.
    pub(crate) weakness: Option<AlgorithmError>,
}

/// What a key is for; the less it may do, the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permission {
    Other,
    /// It would sign, but does not confirm that it belongs to the primary key.
    Unconfirmed,
    Signs,
}

/// What forbids a key for ever.
#[derive(Clone, Debug)]
pub(crate) enum Obstacle {
    Revoked,
    UserIdsRevoked,
    NotBound,
    WeakBinding(AlgorithmError),
}

impl Binding {
    pub(crate) fn new(statement: &Statement, created: DateTime<Utc>, permission: Permission) -> Binding {
        let key = statement.key_lifetime.map(|lifetime| created + lifetime);
        let until = [key, statement.expires].into_iter().flatten().min();
        Binding {
            made: statement.made,
            until,
            permission,
            weakness: None,
        }
    }
}

/// Puts bindings into order, the newest first, and drops the weak ones among the older.
///
/// Of those of the same second, the one counts that ends first, and then the one that allows less.
///
/// # Errors
///
/// Why the newest is weak: the older ones are then no answer, they may say what their owner took back.
pub(crate) fn in_order(mut bindings: Vec<Binding>) -> Result<Vec<Binding>, AlgorithmError> {
    let end = |binding: &Binding| binding.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
    bindings.sort_by(|a, b| {
        b.made
            .cmp(&a.made)
            .then(end(a).cmp(&end(b)))
            .then(a.permission.cmp(&b.permission))
    });
    let newest = bindings.first().map(|binding| binding.made);
    let at_the_top = |binding: &Binding| Some(binding.made) == newest;
    if let Some(weakness) = bindings
        .iter()
        .filter(|b| at_the_top(b))
        .find_map(|b| b.weakness.clone())
    {
        return Err(weakness);
    }
    bindings.retain(|binding| binding.weakness.is_none());
    Ok(bindings)
}

impl Component {
    /// Whether the key is good for anything, both at the time of a signature and at `moment`.
    pub(crate) fn is_alive(&self, made: DateTime<Utc>, moment: Moment) -> Result<&Binding, SignatureError> {
        let key = self.fingerprint;
        match &self.obstacle {
            None => {}
            Some(Obstacle::Revoked) => return Err(SignatureError::KeyRevoked { key }),
            Some(Obstacle::UserIdsRevoked) => return Err(SignatureError::UserIdsRevoked { key }),
            Some(Obstacle::NotBound) => return Err(SignatureError::SubkeyNotBound { key }),
            Some(Obstacle::WeakBinding(source)) => {
                return Err(SignatureError::WeakSelfSignature {
                    key,
                    source: source.clone(),
                });
            }
        }
        if self.created > made {
            return Err(SignatureError::BeforeKey { made, key });
        }
        let in_force = self
            .bindings
            .iter()
            .find(|binding| binding.made <= moment.latest());
        let binding = in_force.ok_or(SignatureError::KeyNotYetValid { key })?;
        match binding.until {
            Some(at) if at <= moment.now || at <= made => Err(SignatureError::KeyExpired { key, at }),
            _ => Ok(binding),
        }
    }

    /// Whether the key may have signed something at the time `made`.
    pub(crate) fn may_sign(&self, made: DateTime<Utc>, moment: Moment) -> Result<Algorithm, SignatureError> {
        let algorithm = self.algorithm.clone()?;
        let key = self.fingerprint;
        match self.is_alive(made, moment)?.permission {
            Permission::Signs => Ok(algorithm),
            Permission::Unconfirmed => Err(SignatureError::BackSignature { key }),
            Permission::Other => Err(SignatureError::NotForSigning { key }),
        }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Component({}, {:?}, {:?})",
            self.fingerprint, self.algorithm, self.bindings
        )
    }
}
