//! Cases are called the same in every run: what names them is what the file says.

use super::super::story::{Story, failure, place};
use super::super::verdict::Kind;
use super::super::*;
use super::again::again;
use crate::run::{Outcome, Planned};

/// A step of the story's cluster: title, action, and the member that it acts on.
type Step = (&'static str, &'static str, &'static str);

const STEPS: [Step; 5] = [
    ("converge web1", "converge", "web1-centos-7"),
    ("heartbeat http://{{peers.web1.address}}/", "heartbeat", ""),
    ("exec web1", "exec", "web1-centos-7"),
    ("kill web2", "kill", ""),
    ("verify web1", "verify", "web1-centos-7"),
];

fn planned(steps: &[Step]) -> Vec<Planned> {
    let planned = |(number, (title, action, member)): (usize, &Step)| Planned {
        step: vec![number],
        title: (*title).into(),
        action: (*action).into(),
        instance: (!member.is_empty()).then(|| (*member).into()),
    };
    (1..).zip(steps).map(planned).collect()
}

/// `kitchen test` of a cluster with these steps, of which those behind `ends` are not reached;
/// its machines have this address.
fn run(steps: &[Step], ends: usize, address: &str) -> Story {
    let (web, members) = ("web-centos-7", ["web1-centos-7", "web2-centos-7"]);
    let mut story = Story::new(&[web]);
    story.planned(web, "test", &members, planned(steps));
    for action in ["destroy", "gossip", "create", "late_gossip"] {
        for member in members {
            story.does(place(web, member, &[]), action);
        }
    }
    for (number, (title, action, member)) in (1..=ends).zip(steps) {
        let at = || place(web, member, &[number]);
        story.step(at(), title, 1);
        if *action == "verify" {
            story.add(EventKind::TestFinished {
                place: at(),
                case: banquet_sdk::TestCase::new(
                    format!("GET http://{address}:80/ answers"),
                    banquet_sdk::CaseStatus::Passed,
                ),
            });
        }
        let ended = match number == ends && ends < steps.len() {
            true => Outcome::Failed(failure(Cause::Verify, address)),
            false => Outcome::Passed,
        };
        story.stepped(at(), title, 1, ended);
    }
    let outcome = match ends < steps.len() {
        true => Outcome::Failed(failure(Cause::Verify, address)),
        false => Outcome::Passed,
    };
    story.finished(web, outcome).over();
    story
}

/// Class and name of every case of a run in JUnit, TAP and JSON, which must agree.
fn identities(story: &Story) -> Vec<String> {
    let (_dir, told) = again(story);
    let junit = told.text(Format::Junit).expect("text");
    let of_junit: Vec<String> = junit
        .split("<testcase ")
        .skip(1)
        .map(|case| {
            let attribute = |name: &str| {
                let value = case.split(&format!("{name}=\"")).nth(1);
                value
                    .and_then(|it| it.split('"').next())
                    .unwrap_or_default()
            };
            let name = case.split('"').nth(1).unwrap_or_default();
            format!("{}: {name}", attribute("classname"))
        })
        .collect();
    let tap = told.text(Format::Tap).expect("text");
    let point = |line: &str| {
        let point = line.strip_prefix("not ").unwrap_or(line);
        let text = point.strip_prefix("ok ")?.split_once(" - ")?.1;
        Some(text.split(" # ").next().unwrap_or(text).to_owned())
    };
    let of_tap: Vec<String> = tap.lines().filter_map(point).collect();
    let json = told.text(Format::Json).expect("text");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let cases = json["subjects"][0]["cases"].as_array().expect("cases");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let of_json: Vec<String> = cases
        .iter()
        .map(|case| format!("{}: {}", text(&case["class"]), text(&case["name"])))
        .collect();
    assert_eq!(of_junit, of_json);
    assert_eq!(of_tap, of_json);
    of_json
}

#[test]
fn cases_are_called_the_same_in_the_next_run() {
    let first = identities(&run(&STEPS, 5, "172.17.0.3"));
    insta::assert_snapshot!(first.join("\n"));
    assert_eq!(first, identities(&run(&STEPS, 5, "10.88.0.9")));
    let shown = first.join("\n");
    for passing in ["172.17.0.3", "web1-centos-7", "1.1", "r1"] {
        assert!(!shown.contains(passing), "{passing} in {shown}");
    }
}

#[test]
fn a_step_that_is_inserted_renames_no_other() {
    let before = identities(&run(&STEPS, 5, "172.17.0.3"));
    for at in 0..=STEPS.len() {
        let mut steps = STEPS.to_vec();
        steps.insert(at, ("wait web2", "wait", "web2-centos-7"));
        let mut after = identities(&run(&steps, 6, "172.17.0.3"));
        let new = "web.centos-7.web2: wait web2".to_owned();
        let found = after.iter().position(|it| *it == new).expect("the new one");
        after.remove(found);
        assert_eq!(after, before, "inserted at {at}");
    }
}

#[test]
fn a_run_that_ends_early_has_the_same_cases() {
    let whole = identities(&run(&STEPS, 5, "172.17.0.3"));
    let tool = "web.centos-7.web1: verify web1: GET http://ADDRESS:80/ answers";
    for ends in 1..5 {
        let cut = identities(&run(&STEPS, ends, "172.17.0.3"));
        let known = whole.iter().filter(|it| **it != tool);
        assert_eq!(
            cut,
            known.cloned().collect::<Vec<_>>(),
            "ends behind {ends}"
        );
    }
}

#[test]
fn equal_steps_are_counted_in_order() {
    let steps = [STEPS[2], STEPS[2], STEPS[4], STEPS[2]];
    let names: Vec<String> = identities(&run(&steps, 4, "x"))
        .into_iter()
        .filter(|it| it.contains("exec"))
        .collect();
    let expected = ["exec web1", "exec web1 (2)", "exec web1 (3)"];
    assert_eq!(names, expected.map(|it| format!("web.centos-7.web1: {it}")));
}

#[test]
fn creation_is_one_case_which_names_the_members_that_failed() {
    let (web, members) = ("web-centos-7", ["web1-centos-7", "web2-centos-7"]);
    let no = || Outcome::Failed(failure(Cause::Infrastructure, "no such image"));
    let mut story = Story::new(&[web]);
    story.planned(web, "test", &members, planned(&STEPS));
    story
        .does(place(web, members[0], &[]), "create")
        .starts(place(web, members[1], &[]), "create")
        .ends(place(web, members[1], &[]), "create", no())
        .finished(web, no())
        .over();
    let (_dir, told) = again(&story);
    let junit = told.text(Format::Junit).expect("text");
    let create = "<testcase name=\"create\" classname=\"web.centos-7.cluster\"";
    assert_eq!(junit.matches("name=\"create\"").count(), 1, "{junit}");
    assert!(junit.contains(create), "{junit}");
    let error = "<error message=\"create of web2-centos-7: no such image\" type=\"infrastructure\"";
    assert!(junit.contains(error), "{junit}");
    let terminal = told.text(Format::Terminal).expect("text");
    let row = |what: &str| {
        terminal
            .lines()
            .find(|line| line.trim_start().starts_with(what))
    };
    for (what, told) in [("create  ", "1 of 2 members"), ("create web2 ", "FAILED")] {
        assert!(
            row(what).is_some_and(|row| row.contains(told)),
            "{what}: {terminal}"
        );
    }
}

#[test]
fn a_block_fails_by_itself_or_not_at_all() {
    let web = "web-centos-7";
    let step = |step: &[usize], title: &str, action: &str| Planned {
        step: step.into(),
        title: title.into(),
        action: action.into(),
        instance: None,
    };
    let no = |text: &str| Outcome::Failed(failure(Cause::Verify, text));
    for (inner, own) in [(Outcome::Passed, "passed"), (no("500"), "failed")] {
        let mut story = Story::new(&[web]);
        let steps = vec![
            step(&[1], "both", "concurrent"),
            step(&[1, 1], "ask", "run"),
        ];
        story
            .planned(web, "test", &["web1-centos-7"], steps)
            .step(place(web, "", &[1]), "both", 1)
            .step(place(web, "", &[1, 1]), "ask", 1)
            .stepped(place(web, "", &[1, 1]), "ask", 1, inner)
            .stepped(place(web, "", &[1]), "both", 1, no("no"))
            .finished(web, no("no"))
            .over();
        let (_dir, told) = again(&story);
        let cases = &told.verdict.subjects[0].cases;
        let result = |name: &str| {
            let case = cases.iter().find(|case| case.name == name).expect(name);
            (case.kind, case.result.word())
        };
        let junit = told.text(Format::Junit).expect("text");
        assert_eq!(junit.matches("<failure").count(), 1, "{junit}");
        assert_eq!(result("ask"), (Kind::Test, own));
        // What fails by itself has judged by itself.
        match own {
            "passed" => assert_eq!(result("both"), (Kind::Test, "failed")),
            _ => assert_eq!(result("other steps"), (Kind::Phase, "passed")),
        }
    }
}

#[test]
fn a_verify_that_found_no_test_is_skipped_and_never_passed() {
    let (web, at) = ("web-centos-7", || {
        place("web-centos-7", "web1-centos-7", &[1])
    });
    let ends = [
        (Outcome::Passed, "skipped", (0, 0, 1)),
        (
            Outcome::Failed(failure(Cause::Verify, "none")),
            "failed",
            (0, 1, 0),
        ),
    ];
    for (ended, result, counts) in ends {
        let mut case =
            banquet_sdk::TestCase::new(crate::run::NO_TEST, banquet_sdk::CaseStatus::Skipped);
        case.message = Some("looked in test/integration/web".into());
        let mut story = Story::new(&[web]);
        story
            .subject(web, "test", &["web1-centos-7"], &["verify web1"])
            .step(at(), "verify web1", 1)
            .add(EventKind::TestFinished { place: at(), case })
            .stepped(at(), "verify web1", 1, ended.clone())
            .finished(web, ended)
            .over();
        let (_dir, told) = again(&story);
        let cases = &told.verdict.subjects[0].cases;
        let told_of: Vec<(&str, &str)> = cases
            .iter()
            .map(|case| (case.name.as_str(), case.result.word()))
            .collect();
        assert_eq!(told_of, [("verify web1", result)]);
        let tests = told.verdict.tests;
        assert_eq!((tests.passed, tests.failed, tests.skipped), counts);
        if result == "skipped" {
            for (format, word) in [
                (
                    Format::Junit,
                    "<skipped message=\"looked in test/integration/web\"/>",
                ),
                (Format::Tap, "# SKIP looked in test/integration/web"),
                (Format::Terminal, "1 test: 0 passed, 0 failed, 1 skipped"),
            ] {
                let text = told.text(format).expect("text");
                assert!(text.contains(word), "{format:?}: {text}");
            }
        }
    }
}
