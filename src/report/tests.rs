//! What is written of synthetic runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banquet_sdk::{CaseStatus, Stream, TestCase};
use jiff::Timestamp;

use super::view::view;
use super::*;
use crate::run::{Failure, Outcome};

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

/// Says what happens, a second apart.
struct Story {
    events: Vec<Event>,
}

fn place(subject: &str, instance: &str, step: &[usize]) -> Place {
    Place {
        subject: subject.into(),
        instance: (!instance.is_empty()).then(|| instance.into()),
        step: step.into(),
    }
}

fn failure(cause: Cause, message: &str) -> Failure {
    Failure {
        cause,
        message: message.into(),
        hints: vec!["Look at the service's log.".into()],
    }
}

impl Story {
    fn new(subjects: &[&str]) -> Self {
        let mut story = Self { events: Vec::new() };
        story.add(EventKind::RunStarted {
            run: "r1".into(),
            version: "0.1.0".into(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
        });
        story
    }

    fn add(&mut self, kind: EventKind) -> &mut Self {
        let second = i64::try_from(self.events.len()).expect("few events");
        self.events.push(Event {
            at: Timestamp::from_second(1_700_000_000 + second).expect("a time"),
            kind,
        });
        self
    }

    fn subject(
        &mut self,
        name: &str,
        command: &str,
        members: &[&str],
        steps: &[&str],
    ) -> &mut Self {
        self.add(EventKind::SubjectStarted {
            subject: name.into(),
            command: command.into(),
            members: members.iter().map(ToString::to_string).collect(),
            cluster: !steps.is_empty(),
            steps: steps.iter().map(ToString::to_string).collect(),
        })
    }

    fn starts(&mut self, place: Place, action: &str) -> &mut Self {
        self.add(EventKind::ActionStarted {
            place,
            action: action.into(),
        })
    }

    fn ends(&mut self, place: Place, action: &str, outcome: Outcome) -> &mut Self {
        self.add(EventKind::ActionFinished {
            place,
            action: action.into(),
            outcome,
            duration: Duration::from_millis(1_500),
        })
    }

    fn does(&mut self, place: Place, action: &str) -> &mut Self {
        self.starts(place.clone(), action)
            .ends(place, action, Outcome::Passed)
    }

    fn prints(&mut self, place: Place, text: &str) -> &mut Self {
        self.add(EventKind::Printed {
            place,
            stream: Stream::Out,
            text: text.into(),
        })
    }

    fn step(&mut self, place: Place, title: &str, attempt: u32) -> &mut Self {
        self.add(EventKind::StepStarted {
            place,
            title: title.into(),
            attempt,
        })
    }

    fn stepped(&mut self, place: Place, title: &str, attempts: u32, outcome: Outcome) -> &mut Self {
        self.add(EventKind::StepFinished {
            place,
            title: title.into(),
            attempts,
            outcome,
            duration: Duration::from_secs(2),
        })
    }

    fn finished(&mut self, subject: &str, outcome: Outcome) -> &mut Self {
        self.add(EventKind::SubjectFinished {
            subject: subject.into(),
            outcome,
            duration: Duration::from_secs(65),
        })
    }

    fn over(&mut self) -> &mut Self {
        self.add(EventKind::RunFinished {
            duration: Duration::from_secs(66),
        })
    }

    /// Standard output, standard error and the cause.
    fn told(&self, options: &Options) -> (String, String, Option<Cause>) {
        let (out, err) = (Shared::default(), Shared::default());
        let mut report = Report::new(options, Box::new(out.clone()), Box::new(err.clone()));
        self.events.iter().for_each(|event| report.event(event));
        report.flush();
        (out.text(), err.text(), report.cause())
    }
}

fn options() -> Options {
    Options {
        style: Style::Lines,
        level: Level::Info,
        colours: false,
        concurrent: false,
        logs: None,
        overwrite: true,
    }
}

/// `kitchen test` of one instance without clusters.
fn instance() -> Story {
    let name = "default-debian-12";
    let at = || place(name, name, &[]);
    let mut story = Story::new(&[name]);
    story
        .subject(name, "test", &[name], &[])
        .does(at(), "destroy")
        .does(at(), "create")
        .starts(at(), "converge")
        .prints(at(), "hello \u{1b}[2Jworld")
        .ends(at(), "converge", Outcome::Passed)
        .does(at(), "setup")
        .does(at(), "verify")
        .does(at(), "destroy")
        .finished(name, Outcome::Passed)
        .over();
    story
}

/// A cluster whose second step is retried, whose third may fail and whose fourth fails.
fn cluster() -> Story {
    let (web, web1, web2) = ("web-centos-7", "web1-centos-7", "web2-centos-7");
    let no = || failure(Cause::Verify, "exit code 1");
    let steps = [
        "concurrent",
        "wait web1",
        "exec web1",
        "verify web2",
        "verify web1",
    ];
    let mut story = Story::new(&[web]);
    story
        .subject(web, "test", &[web1, web2], &steps)
        .starts(place(web, web1, &[]), "create")
        .starts(place(web, web2, &[]), "create")
        .ends(place(web, web2, &[]), "create", Outcome::Passed)
        .ends(place(web, web1, &[]), "create", Outcome::Passed)
        .step(place(web, "", &[1]), "concurrent", 1)
        .step(place(web, web1, &[1, 1]), "converge web1", 1)
        .starts(place(web, web1, &[1, 1]), "converge")
        .prints(place(web, web1, &[1, 1]), "installing")
        .ends(place(web, web1, &[1, 1]), "converge", Outcome::Passed)
        .stepped(
            place(web, web1, &[1, 1]),
            "converge web1",
            1,
            Outcome::Passed,
        )
        .stepped(place(web, "", &[1]), "concurrent", 1, Outcome::Passed)
        .step(place(web, web1, &[2]), "wait web1", 1)
        .step(place(web, web1, &[2]), "wait web1", 2)
        .stepped(place(web, web1, &[2]), "wait web1", 2, Outcome::Passed)
        .step(place(web, web1, &[3]), "exec web1", 1)
        .stepped(
            place(web, web1, &[3]),
            "exec web1",
            1,
            Outcome::Allowed(no()),
        )
        .step(place(web, web2, &[4]), "verify web2", 1)
        .starts(place(web, web2, &[4]), "verify")
        .prints(place(web, web2, &[4]), "expected 200, got 500")
        .add(EventKind::TestFinished {
            place: place(web, web2, &[4]),
            case: TestCase {
                name: "answers".into(),
                status: CaseStatus::Failed,
                duration: None,
                message: Some("500".into()),
            },
        })
        .ends(place(web, web2, &[4]), "verify", Outcome::Failed(no()))
        .stepped(
            place(web, web2, &[4]),
            "verify web2",
            1,
            Outcome::Failed(no()),
        )
        .finished(web, Outcome::Failed(no()))
        .over();
    story
}

#[test]
fn an_instance_is_told_in_the_words_of_test_kitchen() {
    let (out, err, cause) = instance().told(&options());
    insta::assert_snapshot!(out);
    assert_eq!((err.as_str(), cause), ("", None));
}

#[test]
fn a_cluster_is_told_with_steps_names_and_a_summary() {
    let (out, err, cause) = cluster().told(&options());
    insta::assert_snapshot!(format!("{out}--- standard error\n{err}"));
    assert_eq!(cause, Some(Cause::Verify));
}

#[test]
fn colours_mark_headlines_names_and_failures() {
    let told = cluster().told(&Options {
        colours: true,
        ..options()
    });
    insta::assert_snapshot!(format!("{}{}", told.0, told.1).replace('\u{1b}', "ESC"));
}

#[test]
fn a_level_hides_what_is_less_important() {
    let (out, err, _) = cluster().told(&Options {
        level: Level::Error,
        ..options()
    });
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
    let (out, err, cause) = story.told(&Options {
        style: Style::Blocks,
        concurrent: true,
        ..options()
    });
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
    assert_eq!(story.told(&options()).2, Some(Cause::Infrastructure));
}

#[test]
fn the_view_says_what_runs_and_fits() {
    let mut tally = Tally::default();
    let events = cluster().events;
    events[..events.len() - 5]
        .iter()
        .for_each(|event| tally.event(event));
    let now = Timestamp::from_second(1_700_000_100).expect("a time");
    insta::assert_snapshot!(view(&tally, now, 80, 24));
    let narrow = view(&tally, now, 20, 4);
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
    cluster().told(&logged);
    assert_eq!(read("other.log"), "old\n");
    let pid = format!("#{}]", std::process::id());
    insta::assert_snapshot!(read("web1-centos-7.log").replace(&pid, "#1]"));
    assert!(read("web-centos-7.log").contains("-- web-centos-7: [web1-centos-7] installing"));
    assert!(!read("kitchen.log").contains("installing"));
    let before = read("web1-centos-7.log").len();
    cluster().told(&Options {
        overwrite: false,
        ..logged
    });
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
