//! Synthetic runs, for tests.
#![allow(missing_docs, reason = "the names say it")]

use std::time::Duration;

use banquet_sdk::{CaseStatus, Stream, TestCase};
use jiff::Timestamp;

use crate::run::{
    Cause, Event, EventKind, Failure, HeartbeatSummary, Outage, Outcome, Place, Planned,
    RunVerdict, Sample,
};

/// Says what happens, a second apart.
pub struct Story {
    pub events: Vec<Event>,
}

pub fn place(subject: &str, instance: &str, step: &[usize]) -> Place {
    Place {
        subject: subject.into(),
        instance: (!instance.is_empty()).then(|| instance.into()),
        step: step.into(),
    }
}

pub fn failure(cause: Cause, message: &str) -> Failure {
    Failure {
        cause,
        message: message.into(),
        hints: vec!["Look at the service's log.".into()],
        verdict: false,
    }
}

impl Story {
    pub fn new(subjects: &[&str]) -> Self {
        let mut story = Self { events: Vec::new() };
        story.add(EventKind::RunStarted {
            run: "r1".into(),
            version: "0.1.0".into(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
            platforms: vec!["centos-7".into()],
        });
        story
    }

    pub fn add(&mut self, kind: EventKind) -> &mut Self {
        let second = i64::try_from(self.events.len()).expect("few events");
        self.events.push(Event {
            at: Timestamp::from_second(1_700_000_000 + second).expect("a time"),
            kind,
        });
        self
    }

    pub fn subject(
        &mut self,
        name: &str,
        command: &str,
        members: &[&str],
        steps: &[&str],
    ) -> &mut Self {
        let planned = |(number, title): (usize, &&str)| Planned {
            step: vec![number],
            title: title.to_string(),
            action: title.split(' ').next().unwrap_or_default().into(),
            instance: title.split(' ').nth(1).and_then(|suite| {
                let member = |it: &&&str| it.trim_end_matches("-centos-7") == suite;
                members.iter().find(member).map(ToString::to_string)
            }),
        };
        self.planned(
            name,
            command,
            members,
            (1..).zip(steps).map(planned).collect(),
        )
    }

    /// A subject with these steps; names of members are those of their suites with a platform.
    pub fn planned(
        &mut self,
        name: &str,
        command: &str,
        members: &[&str],
        steps: Vec<Planned>,
    ) -> &mut Self {
        let suite = |name: &str| name.trim_end_matches("-centos-7").to_owned();
        let numbers = steps.iter().filter(|it| it.step.len() == 1);
        let numbers = numbers.map(|it| it.step[0].to_string());
        self.add(EventKind::SubjectStarted {
            subject: name.into(),
            command: command.into(),
            members: members.iter().map(ToString::to_string).collect(),
            suites: members.iter().map(|it| suite(it)).collect(),
            cluster: !steps.is_empty(),
            suite: suite(name),
            platform: "centos-7".into(),
            items: numbers.collect(),
            steps,
        })
    }

    pub fn starts(&mut self, place: Place, action: &str) -> &mut Self {
        self.add(EventKind::ActionStarted {
            place,
            action: action.into(),
        })
    }

    pub fn ends(&mut self, place: Place, action: &str, outcome: Outcome) -> &mut Self {
        self.add(EventKind::ActionFinished {
            place,
            action: action.into(),
            outcome,
            duration: Duration::from_millis(1_500),
        })
    }

    pub fn does(&mut self, place: Place, action: &str) -> &mut Self {
        self.starts(place.clone(), action)
            .ends(place, action, Outcome::Passed)
    }

    pub fn prints(&mut self, place: Place, text: &str) -> &mut Self {
        self.add(EventKind::Printed {
            place,
            stream: Stream::Out,
            text: text.into(),
        })
    }

    pub fn step(&mut self, place: Place, title: &str, attempt: u32) -> &mut Self {
        self.add(EventKind::StepStarted {
            place,
            title: title.into(),
            attempt,
        })
    }

    pub fn stepped(
        &mut self,
        place: Place,
        title: &str,
        attempts: u32,
        outcome: Outcome,
    ) -> &mut Self {
        self.add(EventKind::StepFinished {
            place,
            title: title.into(),
            attempts,
            outcome,
            duration: Duration::from_secs(2),
        })
    }

    pub fn finished(&mut self, subject: &str, outcome: Outcome) -> &mut Self {
        self.add(EventKind::SubjectFinished {
            subject: subject.into(),
            outcome,
            duration: Duration::from_secs(65),
        })
    }

    pub fn over(&mut self) -> &mut Self {
        self.add(EventKind::RunFinished {
            duration: Duration::from_secs(66),
            verdict: RunVerdict::default(),
        })
    }
}

/// `kitchen test` of one instance without clusters.
pub fn instance() -> Story {
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
pub fn cluster() -> Story {
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
        .add(EventKind::StepRetried {
            place: place(web, web1, &[2]),
            title: "wait web1".into(),
            attempt: 1,
            failure: no(),
        })
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

/// A cluster whose member is killed under a heartbeat, which loses nine of sixty beats, and heals.
pub fn fire() -> Story {
    let start = 1_700_000_000_000_000;
    let mut story = Story::new(&["app"]);
    let beat = || place("app", "", &[1, 1]);
    let sample = |number: u64, lost: bool| Sample {
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
            took: Duration::from_millis(3),
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
            took: Duration::from_millis(3),
        })
        .add(EventKind::HeartbeatFinished {
            place: beat(),
            summary: HeartbeatSummary {
                sent: 60,
                answered: 51,
                lost: 9,
                p50: 1_525,
                p99: 1_550,
                outages: vec![Outage {
                    since: start + 5_100_000,
                    lasted: 900_000,
                    lost: 9,
                    error: "connection refused".into(),
                    follows: Some("kill web1".into()),
                }],
                ..HeartbeatSummary::default()
            },
        })
        .finished("app", Outcome::Passed)
        .over();
    story
}
