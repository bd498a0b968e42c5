//! Certificates are files that somebody put there: no panic, bounded work, names that can be shown.
#![no_main]

use gumshoe_openpgp::{Certificate, Moment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert!(
            certificate
                .user_ids()
                .iter()
                .all(|name| name.chars().count() <= 256 && !name.contains('\x1b'))
        );
        let moment = Moment {
            now: certificate.created(),
            tolerance: Default::default(),
        };
        let _ = certificate.check(moment);
    }
});
