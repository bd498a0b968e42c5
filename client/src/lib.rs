//! The investigator's command line.
