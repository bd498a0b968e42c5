//! Judges OpenPGP keys and detached signatures, strictly.
