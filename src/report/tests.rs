//! What is written of synthetic runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::story::{Story, cluster, failure, instance, place};
use super::view::view;
use super::*;
use crate::run::Outcome;

/// Bytes that can be read while a report holds its end.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("lock").clone()).expect("text")
    }
}

/// Standard output, standard error and the cause.
fn told(story: &Story, options: &Options) -> (String, String, Option<Cause>) {
    let (out, err) = (Shared::default(), Shared::default());
    let mut report = Report::new(options, Box::new(out.clone()), Box::new(err.clone()));
    story.events.iter().for_each(|event| report.event(event));
    report.flush();
    (out.text(), err.text(), report.cause())
}

fn options() -> Options {
    Options {
        style: Style::Lines,
        level: Level::Info,
        colours: false,
        concurrent: false,
        logs: None,
        overwrite: true,
        runs: None,
        files: Vec::new(),
    }
}

#[test]
fn an_instance_is_told_in_the_words_of_test_kitchen() {
    let (out, err, cause) = told(&instance(), &options());
    insta::assert_snapshot!(out);
    assert_eq!((err.as_str(), cause), ("", None));
}

#[test]
fn a_cluster_is_told_with_steps_names_and_a_summary() {
    let (out, err, cause) = told(&cluster(), &options());
    insta::assert_snapshot!(format!("{out}--- standard error\n{err}"));
    assert_eq!(cause, Some(Cause::Verify));
}

#[test]
fn colours_mark_headlines_names_and_failures() {
    let told = told(
        &cluster(),
        &Options {
            colours: true,
            ..options()
        },
    );
    insta::assert_snapshot!(format!("{}{}", told.0, told.1).replace('\u{1b}', "ESC"));
}

#[test]
fn a_level_hides_what_is_less_important() {
    let (out, err, _) = told(
        &cluster(),
        &Options {
            level: Level::Error,
            ..options()
        },
    );
    assert!(
        !out.contains("installing") && !out.contains("$$$$$$"),
        "{out}"
    );
    assert!(
        out.contains(">>>>>> [web2-centos-7] Verify failed"),
        "{out}"
    );
    assert!(err.contains("Last output:"), "{err}");
}

#[test]
fn in_blocks_the_failed_come_last() {
    let mut story = Story::new(&["a", "b"]);
    story
        .subject("a", "verify", &["a"], &[])
        .subject("b", "verify", &["b"], &[]);
    story
        .prints(place("a", "a", &[]), "of a")
        .prints(place("b", "b", &[]), "of b")
        .prints(place("a", "a", &[]), "of a again")
        .finished(
            "a",
            Outcome::Failed(failure(Cause::Timeout, "took too long")),
        )
        .finished("b", Outcome::Passed)
        .over();
    let (out, err, cause) = told(
        &story,
        &Options {
            style: Style::Blocks,
            concurrent: true,
            ..options()
        },
    );
    insta::assert_snapshot!(format!("{out}--- standard error\n{err}"));
    assert_eq!(cause, Some(Cause::Timeout));
}

#[test]
fn the_most_important_cause_decides() {
    let mut story = Story::new(&["a", "b"]);
    for (name, cause) in [("a", Cause::Infrastructure), ("b", Cause::Verify)] {
        story
            .subject(name, "test", &[name], &[])
            .finished(name, Outcome::Failed(failure(cause, "no")));
    }
    assert_eq!(told(&story, &options()).2, Some(Cause::Infrastructure));
}

#[test]
fn the_view_says_what_runs_and_fits() {
    let mut tally = Tally::default();
    let events = cluster().events;
    events[..events.len() - 5]
        .iter()
        .for_each(|event| tally.event(event));
    let now = Timestamp::from_second(1_700_000_100).expect("a time");
    let none = expected::Expected::default();
    insta::assert_snapshot!(view(&tally, &none, now, 80, 24));
    let narrow = view(&tally, &none, now, 20, 4);
    assert_eq!(narrow.lines().count(), 2, "{narrow}");
    assert!(
        narrow.lines().all(|line| line.chars().count() < 20),
        "{narrow}"
    );
}

#[test]
fn logs_of_instances_that_are_not_touched_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    for name in ["other.log", "web1-centos-7.log"] {
        std::fs::write(dir.path().join(name), "old\n").expect("a file");
    }
    let logged = Options {
        logs: Some(dir.path().into()),
        ..options()
    };
    told(&cluster(), &logged);
    assert_eq!(read("other.log"), "old\n");
    let pid = format!("#{}]", std::process::id());
    insta::assert_snapshot!(read("web1-centos-7.log").replace(&pid, "#1]"));
    assert!(read("web-centos-7.log").contains("-- web-centos-7: [web1-centos-7] installing"));
    assert!(!read("kitchen.log").contains("installing"));
    let before = read("web1-centos-7.log").len();
    told(
        &cluster(),
        &Options {
            overwrite: false,
            runs: None,
            files: Vec::new(),
            ..logged
        },
    );
    assert_eq!(read("web1-centos-7.log").len(), 2 * before);
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let mut report = Report::new(&options(), Box::new(Gone), Box::new(Gone));
    for event in &cluster().events {
        report.event(event);
        report.flush();
    }
    assert_eq!(report.cause(), Some(Cause::Verify));
}

/// The run of a story, told again from its record.
fn again(story: &Story) -> (tempfile::TempDir, Told) {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let keep = Keep {
        runs: 9,
        age: std::time::Duration::from_secs(1_000_000),
    };
    let recorded = Options {
        runs: Some((runs.clone(), keep)),
        ..options()
    };
    told(story, &recorded);
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

#[test]
fn a_failure_that_is_allowed_or_expected_fails_no_build() {
    let mut story = Story::new(&["web"]);
    let at = || place("web", "web1", &[1]);
    let case = |status| EventKind::TestFinished {
        place: at(),
        case: banquet_sdk::TestCase {
            name: "answers".into(),
            status,
            duration: None,
            message: Some("500".into()),
        },
    };
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
    let case = |status| EventKind::TestFinished {
        place: at(),
        case: banquet_sdk::TestCase {
            name: "answers".into(),
            status,
            duration: None,
            message: Some("500".into()),
        },
    };
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
fn a_disk_that_fills_ends_the_record_and_not_the_run() {
    // A file where the directory of the records should be: nothing can be written there.
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("runs"), "").expect("a file");
    let keep = Keep {
        runs: 9,
        age: std::time::Duration::ZERO,
    };
    let junit = dir.path().join("junit.xml");
    let recorded = Options {
        runs: Some((Runs::new(dir.path()), keep)),
        files: vec![(Format::Junit, junit.clone())],
        ..options()
    };
    let (out, err, cause) = told(&cluster(), &recorded);
    assert!(out.contains("Summary") && cause == Some(Cause::Verify));
    assert_eq!(
        err.matches("$$$$$$ the run is not recorded").count(),
        1,
        "{err}"
    );
    let junit = std::fs::read_to_string(junit).expect("a report without output");
    assert!(junit.contains("name=\"4 verify web2\""), "{junit}");
}

#[test]
fn the_view_says_how_long_it_took_the_last_time_that_it_passed() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let keep = Keep {
        runs: 9,
        age: std::time::Duration::from_secs(1_000_000),
    };
    let recorded = Options {
        runs: Some((runs.clone(), keep)),
        ..options()
    };
    told(&instance(), &recorded);
    let expected = expected::Expected::read(&runs);
    let mut tally = Tally::default();
    instance().events[..3]
        .iter()
        .for_each(|event| tally.event(event));
    let now = Timestamp::from_second(1_700_000_010).expect("a time");
    let seen = view(&tally, &expected, now, 80, 24);
    assert!(seen.ends_with("9s of about 1m05s"), "{seen}");
}

#[test]
fn a_quiet_run_tells_the_summary_and_what_failed() {
    let quiet = Options {
        style: Style::Quiet,
        ..options()
    };
    let (out, err, _) = told(&cluster(), &quiet);
    assert!(out.starts_with("-----> Summary"), "{out}");
    assert!(err.contains("Last output:"), "{err}");
    assert_eq!(told(&instance(), &quiet).0, "");
}

#[test]
fn programs_are_told_each_event_as_it_is_recorded() {
    let json = Options {
        style: Style::Json,
        ..options()
    };
    let (out, err, cause) = told(&cluster(), &json);
    let events = cluster().events;
    assert_eq!(out.lines().count(), events.len());
    for (line, event) in out.lines().zip(&events) {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line, serde_json::to_value(event).expect("JSON"));
    }
    assert_eq!((err.as_str(), cause), ("", Some(Cause::Verify)));
}

#[test]
fn the_page_shows_faults_and_the_outages_that_follow_them() {
    let start = 1_700_000_000_000_000;
    let mut story = Story::new(&["app"]);
    let beat = || place("app", "", &[1, 1]);
    let sample = |number: u64, lost: bool| crate::run::Sample {
        number,
        planned: start + number * 100_000,
        late: 10,
        took: 1_500 + number,
        error: lost.then(|| "connection refused".into()),
    };
    story
        .subject("app", "test", &["web1"], &["during"])
        .step(place("app", "", &[1]), "during", 1)
        .step(beat(), "heartbeat http://web1", 1)
        .add(EventKind::FaultSet {
            place: place("app", "web1", &[1, 2]),
            fault: 7,
            what: "kill web1".into(),
            members: vec!["web1".into()],
            took: std::time::Duration::from_millis(3),
        })
        .add(EventKind::HeartbeatSampled {
            place: beat(),
            samples: (0..60).map(|number| sample(number, number > 50)).collect(),
        })
        .add(EventKind::FaultHealed {
            place: place("app", "web1", &[1, 2]),
            fault: 7,
            what: "kill web1".into(),
            members: vec!["web1".into()],
            took: std::time::Duration::from_millis(3),
        })
        .add(EventKind::HeartbeatFinished {
            place: beat(),
            summary: crate::run::HeartbeatSummary {
                sent: 60,
                answered: 51,
                lost: 9,
                p50: 1_525,
                p99: 1_550,
                outages: vec![crate::run::Outage {
                    since: start + 5_100_000,
                    lasted: 900_000,
                    lost: 9,
                    error: "connection refused".into(),
                    follows: Some("kill web1".into()),
                }],
                ..crate::run::HeartbeatSummary::default()
            },
        })
        .finished("app", Outcome::Passed)
        .over();
    let (_dir, told) = again(&story);
    let page = told.text(Format::Html).expect("text");
    for part in [
        "<i class=\"fault\" style=\"left:6.061%;width:3.030%\" title=\"kill web1 at +4.000 s\">",
        "<b>heartbeat http://web1</b><small>60 sent, 9 lost, half within 1.5 ms",
        "down for 900 ms from +5.100 s, 9 lost, after `kill web1`: connection refused",
        "Latency of heartbeat http://web1, up to 2 ms",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<i class=\"outage\"").count(), 1);
}
