//! What is written of synthetic runs.

mod again;
mod ending;
mod identity;
mod view;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::story::{Story, cluster, failure, instance, place};
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
pub(super) fn told(story: &Story, options: &Options) -> (String, String, Option<Cause>) {
    let (out, err) = (Shared::default(), Shared::default());
    let mut report = Report::new(options, Box::new(out.clone()), Box::new(err.clone()));
    story.events.iter().for_each(|event| report.event(event));
    report.flush();
    (out.text(), err.text(), report.cause())
}

/// The records of a project in which a story has happened.
fn recorded(story: &Story) -> (tempfile::TempDir, Runs) {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let keep = Keep {
        bytes: u64::MAX,
        runs: 9,
        age: std::time::Duration::from_secs(1_000_000),
    };
    let recorded = Options {
        runs: Some((runs.clone(), keep)),
        ..options()
    };
    told(story, &recorded);
    (dir, runs)
}

fn options() -> Options {
    Options {
        style: Style::Lines,
        level: Level::Info,
        colours: false,
        concurrent: false,
        logs: None,
        log_bytes: u64::MAX,
        overwrite: true,
        runs: None,
        files: Vec::new(),
        columns: None,
        program: "kitchen".into(),
        ci: ci::Options::default(),
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

#[test]
fn a_disk_that_fills_ends_the_record_and_not_the_run() {
    // A file where the directory of the records should be: nothing can be written there.
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("runs"), "").expect("a file");
    let keep = Keep {
        bytes: u64::MAX,
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
    assert!(junit.contains("name=\"verify web2\""), "{junit}");
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
