//! What agent, server and client agree on: action, envelope, policy, target, report, heartbeat, relay names.
