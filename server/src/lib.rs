//! Gumshoe's server: scheduler, API, workers, storage.
