-- All tables, once for both databases. Words in braces are replaced: see `migrations.rs`.
-- Times are microseconds since 1970 in UTC; flags are 0 or 1; identifiers and digests are bytes; JSON is text.

-- Who may sign, copied from the policy file, for display only.
CREATE TABLE investigators (
    fingerprint {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    details {text} NOT NULL
) {clustered};

CREATE TABLE agents (
    id {bytes} NOT NULL PRIMARY KEY,
    public_key {text} NOT NULL,
    state {text} NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'retired')),
    hostname {text} NOT NULL,
    facts {text} NOT NULL,
    labels {text} NOT NULL,
    agent_version {text} NOT NULL,
    protocol {int} NOT NULL,
    first_seen {int} NOT NULL,
    last_seen {int} NOT NULL,
    sent {int} NOT NULL,
    sequence {int} NOT NULL,
    reason {text} NOT NULL,
    interval_s {int} NOT NULL,
    modules {text} NOT NULL,
    blind_spots {text} NOT NULL,
    running {int} NOT NULL,
    waiting {int} NOT NULL,
    spool_reports {int} NOT NULL,
    spool_bytes {int} NOT NULL,
    spool_lost {int} NOT NULL,
    previous_id {bytes},
    duplicate_since {int},
    duplicate_note {text}
) {strict};
CREATE INDEX agents_by_hostname ON agents (hostname, id);
CREATE INDEX agents_by_state ON agents (state, id);
CREATE INDEX agents_by_last_seen ON agents (last_seen);

CREATE TABLE actions (
    id {bytes} NOT NULL PRIMARY KEY,
    digest {bytes} NOT NULL,
    name {text} NOT NULL,
    target {text} NOT NULL,
    modules {text} NOT NULL,
    operations {int} NOT NULL,
    not_before {int} NOT NULL,
    expires {int} NOT NULL,
    submitted_by {text} NOT NULL,
    options {text} NOT NULL,
    state {text} NOT NULL CHECK (state IN
        ('draft', 'queued', 'canary', 'running', 'stopped', 'cancelled', 'expired', 'done')),
    note {text} NOT NULL,
    created {int} NOT NULL,
    started {int},
    ended {int},
    -- The last ordinal given to a report: taking one locks this row, so that ordinals are visible in their order.
    ordinal {int} NOT NULL
) {strict};
CREATE INDEX actions_by_created ON actions (created, id);
CREATE INDEX actions_by_state ON actions (state, expires);
CREATE INDEX actions_by_ended ON actions (ended);

-- Apart from the rest, because it can have 16 MiB and lists do not show it.
CREATE TABLE action_envelopes (
    action {bytes} NOT NULL REFERENCES actions (id),
    kind {text} NOT NULL CHECK (kind IN ('action', 'cancel')),
    envelope {bytes} NOT NULL,
    PRIMARY KEY (action, kind)
) {strict};

CREATE TABLE action_signers (
    action {bytes} NOT NULL REFERENCES actions (id),
    fingerprint {text} NOT NULL,
    name {text} NOT NULL,
    PRIMARY KEY (action, fingerprint)
) {clustered};
CREATE INDEX action_signers_by_fingerprint ON action_signers (fingerprint, action);

-- One host that an action concerns, or that answered it.
CREATE TABLE targets (
    action {bytes} NOT NULL REFERENCES actions (id),
    agent {bytes} NOT NULL REFERENCES agents (id),
    selected {int} NOT NULL,
    state {text} NOT NULL CHECK (state IN ('targeted', 'delivered', 'running', 'answered', 'refused',
        'not-target', 'interrupted', 'timed-out', 'expired', 'never-reached')),
    outcome {text} CHECK (outcome IN ('found', 'nothing', 'incomplete', 'failed')),
    code {text},
    marks {int} NOT NULL,
    operations {int} NOT NULL,
    reported {int} NOT NULL,
    findings {int} NOT NULL,
    targeted {int} NOT NULL,
    published {int},
    delivered {int},
    started {int},
    ended {int},
    PRIMARY KEY (action, agent)
) {clustered};
CREATE INDEX targets_by_state ON targets (action, state, agent);
CREATE INDEX targets_by_agent ON targets (agent, action);

CREATE TABLE reports (
    number {serial},
    action {bytes} NOT NULL REFERENCES actions (id),
    agent {bytes} NOT NULL,
    kind {text} NOT NULL,
    part {int} NOT NULL,
    ordinal {int} NOT NULL,
    received {int} NOT NULL,
    sent {int} NOT NULL,
    sequence {int} NOT NULL,
    module {text},
    status {text},
    found {int} NOT NULL,
    complete {int} NOT NULL,
    findings {int} NOT NULL,
    code {text},
    payload {bytes} NOT NULL,
    signature {bytes} NOT NULL
) {strict};
-- Exactly once: a message that comes again is recognised here.
CREATE UNIQUE INDEX reports_once ON reports (action, agent, kind, part);
CREATE UNIQUE INDEX reports_in_order ON reports (action, ordinal);
CREATE INDEX reports_by_received ON reports (received);

CREATE TABLE tokens (
    id {text} NOT NULL PRIMARY KEY,
    hash {bytes} NOT NULL UNIQUE,
    name {text} NOT NULL,
    role {text} NOT NULL,
    subject {text} NOT NULL,
    created {int} NOT NULL,
    expires {int} NOT NULL,
    last_used {int},
    revoked {int}
) {strict};
CREATE INDEX tokens_by_created ON tokens (created, id);
CREATE INDEX tokens_by_expires ON tokens (expires);

-- What may be used once: login challenges.
CREATE TABLE challenges (
    nonce {bytes} NOT NULL PRIMARY KEY,
    subject {text} NOT NULL,
    expires {int} NOT NULL
) {clustered};
CREATE INDEX challenges_by_expires ON challenges (expires);

-- Append-only; each entry's hash covers the hash before it.
CREATE TABLE audit (
    sequence {int} NOT NULL PRIMARY KEY,
    time {int} NOT NULL,
    actor {text} NOT NULL,
    what {text} NOT NULL,
    details {text} NOT NULL,
    previous {bytes} NOT NULL,
    hash {bytes} NOT NULL
) {strict};
CREATE INDEX audit_by_time ON audit (time);

-- Where the chain begins (moved by retention) and ends (locked to append).
CREATE TABLE audit_ends (
    which {text} NOT NULL PRIMARY KEY CHECK (which IN ('first', 'last')),
    sequence {int} NOT NULL,
    hash {bytes} NOT NULL
) {clustered};

-- What workers have yet to be told: written with what it tells of, removed when the relay has it.
CREATE TABLE events (
    number {serial},
    time {int} NOT NULL,
    kind {text} NOT NULL,
    body {text} NOT NULL
) {strict};

CREATE TABLE counters (
    name {text} NOT NULL PRIMARY KEY,
    value {int} NOT NULL
) {clustered};

CREATE TABLE leases (
    name {text} NOT NULL PRIMARY KEY,
    holder {text} NOT NULL,
    expires {int} NOT NULL
) {clustered};
CREATE INDEX leases_by_expires ON leases (expires);
