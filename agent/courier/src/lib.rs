//! The agent's network side: carries opaque bytes between the warden and the relay.
