//! Runs that are told again from their records, in every form.

use super::super::story::{Story, cluster, failure, fire, instance, place};
use super::super::*;
use super::recorded;
use crate::run::Outcome;

/// The run of a story, told again from its record.
pub(super) fn again(story: &Story) -> (tempfile::TempDir, Told) {
    let (dir, runs) = recorded(story);
    let entry = runs.find(None).expect("a run");
    let again = Told::read(&entry.events()).expect("a record");
    (dir, again)
}

/// Names of members and output that mean something to HTML, XML, YAML, TAP and terminals.
fn hostile() -> Story {
    let (bad, text) = (
        "<b>\"&'\\#\u{1b}[31m ]]>--\u{202e}",
        "</script><!-- ]]> \u{0}\u{8}\u{1b}]0;x\u{7}\u{1b}[31mred \u{fffe}\u{fffd} # SKIP \t x",
    );
    let at = || place(bad, bad, &[1]);
    let mut story = Story::new(&[bad]);
    story
        .subject(bad, "test", &[bad], &[text])
        .step(at(), text, 1)
        .prints(at(), text)
        .prints(at(), &"x".repeat(10_000_000))
        .add(EventKind::TestFinished {
            place: at(),
            case: banquet_sdk::TestCase {
                name: text.into(),
                status: banquet_sdk::CaseStatus::Failed,
                duration: None,
                message: Some(format!("{text}\n{text}")),
            },
        });
    let no = || Outcome::Failed(failure(Cause::Verify, text));
    story
        .stepped(at(), text, 1, no())
        .finished(bad, no())
        .over();
    story
}

#[test]
fn a_run_is_told_again_as_it_was() {
    let (_dir, told) = again(&cluster());
    assert!(told.ending.finished);
    insta::assert_snapshot!("again_terminal", told.text(Format::Terminal).expect("text"));
    insta::assert_snapshot!("again_junit", told.text(Format::Junit).expect("text"));
    insta::assert_snapshot!("again_tap", told.text(Format::Tap).expect("text"));
    insta::assert_snapshot!("again_json", told.text(Format::Json).expect("text"));
}

#[test]
fn the_verdict_beside_a_record_is_that_of_the_record() {
    let (dir, told) = again(&cluster());
    let entry = Runs::new(dir.path()).find(None).expect("a run");
    assert_eq!(entry.verdict(), Some(told.verdict));
}

#[test]
fn a_run_that_was_killed_is_unfinished_in_every_form() {
    let mut story = cluster();
    story.events.truncate(story.events.len() - 4);
    let (_dir, told) = again(&story);
    for (format, word) in [
        (Format::Terminal, "unfinished"),
        (Format::Junit, "<error message=\"unfinished"),
        (Format::Tap, "Bail out!"),
        (Format::Html, "has no end"),
        (Format::Json, "\"result\": \"unfinished\""),
    ] {
        let text = told.text(format).expect("text");
        assert!(text.contains(word), "{format:?}: {text}");
    }
}

/// A test of web1's ended.
fn answers(place: Place, status: banquet_sdk::CaseStatus) -> EventKind {
    EventKind::TestFinished {
        place,
        case: banquet_sdk::TestCase {
            name: "answers".into(),
            status,
            duration: None,
            message: Some("500".into()),
        },
    }
}

#[test]
fn a_failure_that_is_allowed_or_expected_fails_no_build() {
    let mut story = Story::new(&["web"]);
    let at = || place("web", "web1", &[1]);
    let case = |status| answers(at(), status);
    story
        .subject("web", "test", &["web1"], &["verify web1"])
        .step(at(), "verify web1", 1)
        .add(case(banquet_sdk::CaseStatus::Failed))
        .stepped(at(), "verify web1", 1, Outcome::Passed)
        .finished("web", Outcome::Passed)
        .over();
    let (_dir, told) = again(&story);
    let junit = told.text(Format::Junit).expect("text");
    assert!(junit.contains("failures=\"0\" errors=\"0\""), "{junit}");
    assert!(junit.contains("failed, as it may: 500"), "{junit}");
}

#[test]
fn a_test_that_passes_when_tried_again_is_flaky_in_every_form() {
    let mut story = Story::new(&["web"]);
    let at = || place("web", "web1", &[1]);
    let case = |status| answers(at(), status);
    story
        .subject("web", "test", &["web1"], &["verify web1"])
        .step(at(), "verify web1", 1)
        .add(case(banquet_sdk::CaseStatus::Failed))
        .add(EventKind::StepRetried {
            place: at(),
            title: "verify web1".into(),
            attempt: 1,
            failure: failure(Cause::Verify, "1 of 1 tests failed"),
        })
        .step(at(), "verify web1", 2)
        .add(case(banquet_sdk::CaseStatus::Passed))
        .stepped(at(), "verify web1", 2, Outcome::Passed)
        .finished("web", Outcome::Passed)
        .over();
    let (_dir, told) = again(&story);
    assert_eq!(told.verdict.subjects[0].tests.len(), 1);
    let junit = told.text(Format::Junit).expect("text");
    assert_eq!(junit.matches("<flakyFailure").count(), 2, "{junit}");
    for (format, word) in [
        (Format::Terminal, "2 attempts: flaky"),
        (Format::Tap, "flaky: true"),
        (Format::Html, ">flaky</td>"),
        (Format::Json, "\"flaky\": true"),
    ] {
        let text = told.text(format).expect("text");
        assert!(text.contains(word), "{format:?}: {text}");
    }
}

#[test]
fn hostile_names_and_output_harm_no_form() {
    let (_dir, told) = again(&hostile());
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    for format in [Format::Terminal, Format::Junit, Format::Tap] {
        let text = told.text(format).expect("text");
        assert!(!text.contains(odd), "{format:?}: {text:?}");
        assert!(text.len() < 200_000, "{format:?}: {} bytes", text.len());
    }
    let html = told.text(Format::Html).expect("text");
    let before = html.split("<script>").next().expect("a page");
    assert_eq!(html.matches("<script").count(), 1);
    assert!(
        !before.contains("<b>\"") && !before.contains("</script"),
        "{before}"
    );
    assert!(html.len() < 500_000, "{} bytes", html.len());
    let tap = told.text(Format::Tap).expect("text");
    assert_eq!(tap.matches("\nnot ok").count(), 2, "{tap}");
    let points = tap.lines().filter(|line| line.starts_with("not ok"));
    assert!(points.clone().all(|line| !line.contains(" # ")), "{tap}");
    let json = told.text(Format::Json).expect("text");
    let verdict: Verdict = serde_json::from_str(&json).expect("a verdict");
    assert_eq!(verdict, told.verdict);
}

#[test]
fn junit_is_what_jenkins_takes() {
    let found = std::process::Command::new("xmllint")
        .arg("--version")
        .output();
    let found = found.map(drop).map_err(|error| format!("xmllint: {error}"));
    if !banquet_sdk::conformance::requires("xmllint", found) {
        return;
    }
    let mut killed = cluster();
    killed.events.truncate(killed.events.len() - 4);
    for story in [instance(), cluster(), killed, hostile(), Story::new(&[])] {
        let (dir, told) = again(&story);
        let path = dir.path().join("junit.xml");
        put(&path, told.text(Format::Junit).expect("text").as_bytes()).expect("a file");
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit-10.xsd");
        let checked = std::process::Command::new("xmllint")
            .args(["--noout", "--nonet", "--huge", "--schema", schema])
            .arg(&path)
            .output()
            .expect("xmllint runs");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}");
    }
}

#[test]
fn the_page_shows_faults_and_the_outages_that_follow_them() {
    let (_dir, told) = again(&fire());
    let page = told.text(Format::Html).expect("text");
    for part in [
        "<i class=\"fault\" style=\"left:6.061%;width:3.030%\" title=\"kill web1 at +4.000 s\">",
        "<b>heartbeat http://web1</b><small>60 sent, <span class=\"loss\">9 lost</span>, half within 1.53ms, 99% within 1.55ms",
        "down for 900 ms from +5.100 s, 9 lost, after `kill web1`: connection refused",
        "Latency of heartbeat http://web1, up to 2 ms",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<i class=\"outage\"").count(), 1);
}

#[test]
fn programs_read_heartbeats_and_faults_with_what_they_followed() {
    let (_dir, told) = again(&fire());
    let json = told.text(Format::Json).expect("text");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let subject = &json["subjects"][0];
    assert_eq!(
        subject["faults"],
        serde_json::json!([{"what": "kill web1", "step": [1, 2], "members": ["web1"],
            "set": "2023-11-14T22:13:24Z", "took": 0.003, "healed": "2023-11-14T22:13:26Z"}])
    );
    let beat = &subject["heartbeats"][0];
    let counts = ["sent", "answered", "lost", "finished", "longest_outage"].map(|it| &beat[it]);
    let expected = serde_json::json!([60, 51, 9, true, 0.9]);
    assert_eq!(serde_json::json!(counts), expected);
    assert_eq!(beat["latency"]["p99"], 0.00155);
    assert_eq!(beat["outages"][0]["follows"], "kill web1");
    assert_eq!(beat["outages"][0]["since"], "2023-11-14T22:13:25.1Z");

    let mut cut = fire();
    let open = |event: &Event| !matches!(event.kind, EventKind::HeartbeatSampled { .. });
    let last = cut.events.iter().rposition(|event| !open(event));
    cut.events.truncate(last.expect("samples") + 1);
    let (_dir, told) = again(&cut);
    let subject = &told.verdict.subjects[0];
    assert_eq!(subject.faults[0].healed, None);
    let beat = &subject.heartbeats[0];
    assert_eq!((beat.finished, beat.sent, beat.lost), (false, 60, 9));
    let page = told.text(Format::Html).expect("text");
    assert!(page.contains(">9 lost</span>, unfinished"), "{page}");
}

#[test]
fn a_member_that_was_made_anew_is_flaky_in_every_form() {
    let mut story = Story::new(&["web"]);
    let created = |step: &[usize]| place("web", "web1", step);
    let anew = |step: &[usize]| EventKind::ActionRetried {
        place: created(step),
        action: "create".into(),
        remedy: "made anew".into(),
        failure: failure(Cause::Infrastructure, "it did not come up"),
    };
    story
        .subject("web", "test", &["web1"], &["create web1"])
        .starts(created(&[]), "create")
        .add(anew(&[]))
        .ends(created(&[]), "create", Outcome::Passed)
        .step(created(&[1]), "create web1", 1)
        .starts(created(&[1]), "create")
        .add(anew(&[1]))
        .ends(created(&[1]), "create", Outcome::Passed)
        .stepped(created(&[1]), "create web1", 1, Outcome::Passed)
        .finished("web", Outcome::Passed)
        .over();
    let (_dir, told) = again(&story);
    let parts = &told.verdict.subjects[0].parts;
    assert!(parts.len() == 2 && parts.iter().all(|part| part.flaky && part.attempts == 2));
    // Both creations are one case.
    for (format, word, times) in [
        (Format::Terminal, "2 attempts: flaky", 2),
        (Format::Tap, "flaky: true", 1),
        (Format::Html, ">flaky</td>", 2),
        (Format::Json, "\"flaky\": true,\n          \"retried\"", 2),
        (Format::Junit, "of web1: it did not come up\" type=", 1),
        (Format::Junit, "<flakyError message=\"create", 2),
    ] {
        let text = told.text(format).expect("text");
        assert_eq!(text.matches(word).count(), times, "{format:?}: {text}");
    }
}
