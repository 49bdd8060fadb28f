//! What is said when a run has ended, and what of it is said where.

use std::time::Duration;

use super::super::story::{Story, cluster, failure, fire, place};
use super::super::*;
use super::again::again;
use super::{options, told};
use crate::run::{HeartbeatSummary, Outage, Outcome, Planned};

const WEB: &str = "web-centos-7";
const WEB1: &str = "web1-centos-7";

fn no(text: &str) -> Outcome {
    Outcome::Failed(failure(Cause::Verify, text))
}

#[test]
fn the_last_output_is_that_of_the_step_that_failed() {
    let mut story = Story::new(&[WEB]);
    let at = |step: usize| place(WEB, WEB1, &[step]);
    story
        .subject(WEB, "test", &[WEB1], &["exec web1", "wait web1"])
        .step(at(1), "exec web1", 1)
        .prints(at(1), "of another step")
        .stepped(at(1), "exec web1", 1, Outcome::Passed)
        .step(at(2), "wait web1", 1)
        .prints(at(2), "of another attempt")
        .step(at(2), "wait web1", 2)
        .stepped(at(2), "wait web1", 2, no("no port"))
        .finished(WEB, no("no port"))
        .over();
    let (_, err, _) = told(&story, &options());
    assert!(
        err.contains("no port") && !err.contains("of another"),
        "{err}"
    );
    let (_dir, again) = again(&story);
    let text = again.text(Format::Terminal).expect("text");
    assert!(!text.contains("of another"), "{text}");
}

/// A story in which round 2 of 3 fails, of a step by itself (`[1]`) or in a block (`[1, 1]`).
fn rounds(step: &[usize]) -> Story {
    let mut story = Story::new(&[WEB]);
    let at = || place(WEB, WEB1, step);
    let whole = || match step {
        [_] => at(),
        _ => place(WEB, "", &[1]),
    };
    story.subject(WEB, "test", &[WEB1], &["exec web1"]);
    for round in 1..=3 {
        let title = format!("exec web1 (round {round} of 3)");
        story.step(whole(), &title, 1);
        if step.len() > 1 {
            story.step(at(), "exec web1", 1);
        }
        story.prints(at(), &format!("output of round {round}"));
        let outcome = match round {
            2 => no("exit code 1"),
            _ => Outcome::Passed,
        };
        if step.len() > 1 {
            story.stepped(at(), "exec web1", 1, outcome);
        }
        if round == 2 {
            story.add(EventKind::RoundFailed {
                place: whole(),
                title,
                round,
                failure: failure(Cause::Verify, "exit code 1"),
            });
        }
    }
    let ended = "round 2 of 3 failed: exit code 1";
    story
        .stepped(whole(), "exec web1", 1, no(ended))
        .finished(WEB, no(ended))
        .over();
    story
}

#[test]
fn the_last_output_of_rounds_is_that_of_the_first_that_failed() {
    for step in [&[1][..], &[1, 1]] {
        let (_, err, cause) = told(&rounds(step), &options());
        assert!(err.contains("exit code 1"), "{err}");
        assert!(err.contains("output of round 2"), "{err}");
        for round in [1, 3] {
            assert!(!err.contains(&format!("output of round {round}")), "{err}");
        }
        assert_eq!(cause, Some(Cause::Verify));
    }
}

#[test]
fn a_failure_in_blocks_is_said_where_it_happens_and_at_the_end() {
    let mut story = Story::new(&[WEB]);
    let blocks = [&[1][..], &[1, 1], &[1, 1, 1]];
    let planned = |(step, title): (&[usize], &str)| Planned {
        step: step.into(),
        title: title.into(),
        action: "steps".into(),
        instance: None,
    };
    let titles = ["outer", "inner", "ask"];
    let steps = blocks.into_iter().zip(titles).map(planned);
    story.planned(WEB, "test", &[WEB1], steps.collect());
    for (step, title) in blocks.into_iter().zip(titles) {
        story.step(place(WEB, "", step), title, 1);
    }
    for (step, title) in blocks.into_iter().zip(titles).rev() {
        story.stepped(place(WEB, "", step), title, 1, no("got 500"));
    }
    story.finished(WEB, no("got 500")).over();
    let (out, err, _) = told(&story, &options());
    assert_eq!(out.matches("got 500").count(), 1, "{out}");
    assert_eq!(err.matches("got 500").count(), 1, "{err}");
}

#[test]
fn the_longest_outage_comes_first() {
    let mut story = Story::new(&[WEB]);
    let outage = |millis: u64| Outage {
        since: 1_700_000_000_000_000,
        lasted: millis * 1000,
        lost: 1,
        error: format!("lost for {millis}"),
        follows: None,
    };
    story
        .subject(WEB, "test", &[WEB1], &["heartbeat"])
        .step(place(WEB, "", &[1]), "heartbeat", 1)
        .add(EventKind::HeartbeatFinished {
            place: place(WEB, "", &[1]),
            summary: HeartbeatSummary {
                outages: [100, 4_000, 250, 90, 80, 70, 60].map(outage).into(),
                ..HeartbeatSummary::default()
            },
        });
    let (out, ..) = told(&story, &options());
    let seen: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split("lost for ").nth(1))
        .collect();
    assert_eq!(seen, ["4000", "250", "100", "90", "80"], "{out}");
    assert!(out.contains("and 2 shorter outages"), "{out}");
}

/// A cluster with names that are too long for any terminal, on one platform.
fn long() -> Story {
    let title = "no request is lost while the first of the balancers is made anew, again and again";
    let member = "a-member-with-a-name-that-is-longer-than-what-fits-on-a-terminal-centos-7";
    let mut story = Story::new(&[WEB]);
    story.subject(WEB, "test", &[member, WEB1], &[title, "wait web1"]);
    for (instance, ended) in [(member, no("x")), (WEB1, Outcome::Passed)] {
        story.starts(place(WEB, instance, &[]), "create").ends(
            place(WEB, instance, &[]),
            "create",
            ended,
        );
    }
    story
        .step(place(WEB, "", &[1]), title, 1)
        .stepped(place(WEB, "", &[1]), title, 7, Outcome::Passed)
        .finished(WEB, no("x"))
        .over();
    story
}

#[test]
fn the_table_and_ids_fit_eighty_columns() {
    for columns in [None, Some(80), Some(60)] {
        let narrow = Options {
            columns,
            ..options()
        };
        let (out, ..) = told(&long(), &narrow);
        let table = out.split("-----> Summary").nth(1).expect("a table");
        let widest = table.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(columns.unwrap_or(80)), "{table}");
    }
    let (_dir, again) = again(&long());
    let text = again.text(Format::Terminal).expect("text");
    // The words of a failure are as long as they are.
    let mut rest = text
        .lines()
        .filter(|line| !line.starts_with("Create failed"));
    assert!(rest.all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn on_several_platforms_names_say_theirs() {
    let mut story = cluster();
    if let EventKind::RunStarted { platforms, .. } = &mut story.events[0].kind {
        platforms.push("debian-12".into());
    }
    let (out, ..) = told(&story, &options());
    let table = out.split("-----> Summary").nth(1).expect("a table");
    assert!(table.contains("       web-centos-7  "), "{table}");
}

#[test]
fn what_to_run_again_names_what_did_not_pass_and_is_one_command() {
    let mut story = Story::new(&["a", "b", "c d"]);
    for (name, ended) in [("a", no("x")), ("b", Outcome::Passed), ("c d", no("x"))] {
        story
            .subject(name, "verify", &[name], &[])
            .finished(name, ended);
    }
    story.over();
    let elsewhere = Options {
        program: "kitchen -C web".into(),
        ..options()
    };
    let (out, ..) = told(&story, &elsewhere);
    assert!(
        out.contains("Run again: kitchen -C web verify a 'c d'\n"),
        "{out}"
    );
}

#[test]
fn the_page_folds_what_all_members_passed_and_opens_what_failed() {
    let (_dir, passed) = again(&cluster());
    let page = passed.text(Format::Html).expect("text");
    let folded =
        "<tr class=\"phase passed\"><th scope=\"row\" class=\"d0\">create</th><td>2 members</td>";
    assert!(page.contains(folded), "{page}");
    assert!(
        page.contains("<li id=\"s0p0\">web1-centos-7: 1.5 s</li>"),
        "{page}"
    );
    assert!(!page.contains("<tr id=\"s0p0\""), "{page}");
    let (_dir, failed) = again(&long());
    let page = failed.text(Format::Html).expect("text");
    assert!(page.contains("<tr class=\"phase failed\">"), "{page}");
    for row in [
        "<tr id=\"s0p0\" class=\"failed\">",
        "<tr id=\"s0p1\" class=\"passed\">",
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }
}

#[test]
fn a_round_of_a_step_is_no_step_of_its_own() {
    let mut story = Story::new(&[WEB]);
    let at = || place(WEB, WEB1, &[1]);
    story.subject(WEB, "test", &[WEB1], &["verify web1"]);
    for round in 1..=3 {
        story
            .step(at(), &format!("verify web1 (round {round})"), 1)
            .add(EventKind::TestFinished {
                place: at(),
                case: banquet_sdk::TestCase::new("answers", banquet_sdk::CaseStatus::Passed),
            });
    }
    story
        .stepped(at(), "verify web1", 1, Outcome::Passed)
        .finished(WEB, Outcome::Passed)
        .over();
    let (_dir, told) = again(&story);
    assert_eq!(told.verdict.tests.passed, 3);
    let cases = &told.verdict.subjects[0].cases;
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let answers = "verify web1: answers";
    let (second, third) = (format!("{answers} (2)"), format!("{answers} (3)"));
    assert_eq!(names, ["verify web1", answers, &second, &third]);
}

#[test]
fn records_have_times_as_seconds() {
    for event in cluster().events.iter().chain(&fire().events) {
        let json = serde_json::to_string(event).expect("JSON");
        assert!(!json.contains("nanos"), "{json}");
    }
    let event = Event {
        at: jiff::Timestamp::UNIX_EPOCH,
        kind: EventKind::RunFinished {
            duration: Duration::from_micros(1_500_001),
            verdict: crate::run::RunVerdict::default(),
        },
    };
    let json = serde_json::to_value(&event).expect("JSON");
    assert_eq!(json["duration"], 1.500_001);
}
