-- Since this step no target is in the state `delivered`: that a host has an action is known when it speaks, not before.

-- Where a host stands in the order of sending: at random, and the same for every scheduler. See `targets/sending.rs`.
ALTER TABLE targets ADD COLUMN place {int} NOT NULL DEFAULT 0;
CREATE INDEX targets_to_send ON targets (action, place, agent) WHERE published IS NULL AND selected = 1;

-- What workers have told of an agent: it is not told again until something changes.
CREATE TABLE agent_notices (
    agent {bytes} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    kind {text} NOT NULL,
    note {text} NOT NULL,
    PRIMARY KEY (agent, kind)
) {clustered};
