//! Reports are stored exactly once, whatever comes how often in whatever order.

use crate::fixture::{Fixture, action, agent, at, finished, operation, refused, report, started};
use futures_util::TryStreamExt as _;
use gumshoe_store::{
    NewReport, Outcome, PageRequest, ReportFilter, ReportOutcome, TargetFilter, TargetState,
};

crate::on_both_databases! {
    a_report_is_stored_once,
    what_belongs_nowhere_does_not_keep_others_out,
    the_order_of_reports_does_not_matter,
    reports_are_read_in_the_order_in_which_they_were_stored,
    an_unselected_host_that_answers_is_told_apart,
    ten_thousand_hosts_are_stored_in_seconds,
}

fn ordinals(outcomes: &[ReportOutcome]) -> Vec<Option<i64>> {
    let ordinal = |outcome: &ReportOutcome| match outcome {
        ReportOutcome::Stored { ordinal } => Some(*ordinal),
        _ => None,
    };
    outcomes.iter().map(ordinal).collect()
}

async fn a_report_is_stored_once(fixture: Fixture) {
    let agents = fixture.agents(1).await;
    let id = fixture.action_for(1, 2, &agents).await;
    let first = report(id, agents[0], operation(0, 2, 3));
    let second = report(id, agents[0], operation(1, 2, 0));
    let batch = [first.clone(), first.clone(), second.clone()];
    let outcomes = fixture.store.store_reports(&batch).await.unwrap();
    assert_eq!(ordinals(&outcomes), [Some(1), None, Some(3)]);
    assert_eq!(outcomes[1], ReportOutcome::Duplicate);
    let again = fixture.store.store_reports(&[second, first]).await.unwrap();
    assert_eq!(again, [ReportOutcome::Duplicate; 2]);
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!((counters.answered, counters.found, counters.findings), (1, 1, 3));
    let stored = fixture
        .store
        .reports(id, &ReportFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(stored.items.len(), 2);
}

async fn what_belongs_nowhere_does_not_keep_others_out(fixture: Fixture) {
    let agents = fixture.agents(1).await;
    let id = fixture.action_for(1, 1, &agents).await;
    let batch = [
        report(action(99), agents[0], started(1)),
        report(id, agent(99), started(1)),
        report(id, agents[0], started(1)),
    ];
    let outcomes = fixture.store.store_reports(&batch).await.unwrap();
    assert_eq!(outcomes[0], ReportOutcome::UnknownAction);
    assert_eq!(outcomes[1], ReportOutcome::UnknownAgent);
    assert!(matches!(outcomes[2], ReportOutcome::Stored { .. }));
    assert_eq!(fixture.store.store_reports(&[]).await.unwrap(), []);
}

async fn the_order_of_reports_does_not_matter(fixture: Fixture) {
    let agents = fixture.agents(3).await;
    let id = fixture.action_for(1, 2, &agents).await;
    let bodies = [
        started(2),
        operation(0, 2, 0),
        operation(1, 2, 1),
        finished(2, true),
    ];
    let messages = |agent| bodies.clone().map(|body| report(id, agent, body));
    let forwards = messages(agents[0]);
    let mut backwards = messages(agents[1]);
    backwards.reverse();
    fixture.store.store_reports(&forwards).await.unwrap();
    for one in &backwards {
        fixture
            .store
            .store_reports(std::slice::from_ref(one))
            .await
            .unwrap();
    }
    // An action that comes a second time is refused; that it ran says more.
    let refusals = [agents[0], agents[2]].map(|agent| report(id, agent, refused("replayed")));
    fixture.store.store_reports(&refusals).await.unwrap();
    let all = TargetFilter::default();
    let targets = fixture
        .store
        .targets(id, &all, &PageRequest::default())
        .await
        .unwrap();
    let state = |agent| {
        let target = targets.items.iter().find(|target| target.agent == agent).unwrap();
        (target.state, target.outcome, target.reported, target.findings)
    };
    let answered = (TargetState::Answered, Some(Outcome::Found), 2, 1);
    assert_eq!(state(agents[0]), answered);
    assert_eq!(state(agents[1]), answered);
    assert_eq!(state(agents[2]), (TargetState::Refused, None, 0, 0));
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!(counters.refused_by_code, [("replayed".to_owned(), 1)].into());
    assert!(counters.is_settled());
}

async fn reports_are_read_in_the_order_in_which_they_were_stored(fixture: Fixture) {
    let agents = fixture.agents(40).await;
    let id = fixture.action_for(1, 1, &agents).await;
    for agent in &agents {
        let batch = [
            report(id, *agent, started(1)),
            report(id, *agent, operation(0, 1, 1)),
        ];
        fixture.store.store_reports(&batch).await.unwrap();
    }
    let everything = ReportFilter::default();
    let all: Vec<_> = fixture
        .store
        .stream_reports(id, &everything)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all.len(), 80);
    assert!(all.is_sorted_by(|a, b| a.ordinal < b.ordinal));
    let filter = ReportFilter {
        kind: Some("operation".to_owned()),
        after: Some(all[39].ordinal),
        ..ReportFilter::default()
    };
    let mut page = PageRequest::first(7);
    let mut seen = Vec::new();
    loop {
        let part = fixture.store.reports(id, &filter, &page).await.unwrap();
        seen.extend(part.items.into_iter().map(|report| report.agent));
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, agents[20..]);
    let one = &all[1];
    assert_eq!(one.parse().unwrap().body, operation(0, 1, 1));
    assert_eq!(one.to_envelope().signatures[0].signature, vec![7; 64]);
    assert_eq!(
        (one.hostname.as_deref(), one.received),
        (Some("host00000"), at(11))
    );
}

async fn an_unselected_host_that_answers_is_told_apart(fixture: Fixture) {
    let agents = fixture.agents(2).await;
    let id = fixture.action_for(1, 1, &agents[..1]).await;
    let batch = agents.iter().map(|agent| report(id, *agent, started(1)));
    fixture
        .store
        .store_reports(&batch.collect::<Vec<_>>())
        .await
        .unwrap();
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!(
        (counters.targeted, counters.unselected, counters.running),
        (1, 1, 2)
    );
    // It is selected later: nothing of what it said is lost.
    assert!(fixture.store.add_targets(id, &agents, at(20)).await.unwrap());
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!(
        (counters.targeted, counters.unselected, counters.running),
        (2, 0, 2)
    );
}

async fn ten_thousand_hosts_are_stored_in_seconds(fixture: Fixture) {
    let began = std::time::Instant::now();
    let agents = fixture.agents(10_000).await;
    let known = began.elapsed();
    let id = fixture.action_for(1, 1, &agents).await;
    let targeted = began.elapsed();
    let bodies = [started(1), operation(0, 1, 1), finished(1, true)];
    let reports: Vec<NewReport> = bodies
        .iter()
        .flat_map(|body| agents.iter().map(|agent| report(id, *agent, body.clone())))
        .collect();
    let made = began.elapsed();
    for batch in reports.chunks(500) {
        fixture.store.store_reports(batch).await.unwrap();
    }
    let stored = began.elapsed();
    let counters = fixture.store.counters(id).await.unwrap();
    assert_eq!((counters.answered, counters.found), (10_000, 10_000));
    let counted = began.elapsed();
    let facts: Vec<_> = fixture.store.approved_facts().try_collect().await.unwrap();
    assert_eq!(facts.len(), 10_000);
    println!(
        "{:?}: heartbeats {known:?}, targets {:?}, 30,000 reports {:?}, counters {:?}, facts {:?}",
        fixture.store.database(),
        targeted - known,
        stored - made,
        counted - stored,
        began.elapsed() - counted,
    );
}
