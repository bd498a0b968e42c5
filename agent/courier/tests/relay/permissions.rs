//! What one agent's credential reaches.
