//! Parts and tests as cases that build servers follow from run to run. What names a case is what
//! the file says of it: multisuite, platform, member, and the step as written or its name. A number,
//! an address, an id or a time is no part of it, so that a step that is inserted renames no other.

use std::collections::{HashMap, HashSet};
use std::iter::Sum;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::text::named;
use super::lasting::lasting;
use super::{Ended, Part, Subject, Test};
use crate::run::{Cause, NO_TEST};

/// Steps that judge: each is a test of its own.
const JUDGES: [&str; 6] = ["verify", "exec", "run", "wait", "heartbeat", "check"];

/// What is done for all members together is one case a cluster, by the actions that are in it.
const FOLDED: [(&str, &[&str]); 3] = [
    ("create", &["create", "gossip", "late_gossip"]),
    ("setup", &["setup"]),
    ("destroy", &["destroy"]),
];

/// The case of all steps that neither judge nor converge: faults, pauses, blocks.
pub const OTHERS: &str = "other steps";

/// The class of a cluster's cases that are of no member.
const WHOLE: &str = "cluster";

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Multisuite, platform and member: `web.centos-7.web1`; of no member `web.centos-7.cluster`;
    /// of an instance by itself its suite and its platform.
    pub class: String,
    /// The step as written or its name, behind it the tool's name of the test. Equal ones of a class
    /// are counted: `verify web1 (2)`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How it ended.
    pub result: Ended,
    /// How long it took.
    pub seconds: f64,
    /// Whether it passed only when it was tried again.
    pub flaky: bool,
    /// [`Part::number`] of what it is of; several where one case stands for all members, none where
    /// it is of the subject as a whole.
    pub parts: Vec<usize>,
    /// Index in the subject's `tests`: of a test, or of what says that a verify found none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
}

/// What a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work that is no test: creation, converges, faults, destruction.
    Phase,
    /// A `verify` step whose tests are cases of their own, and are counted.
    Verify,
    /// A test of a verifier's tool, or a step that judges.
    Test,
}

/// How tests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Passed, also when they were tried again.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped by the tool, or failed as they may.
    pub skipped: usize,
    /// Of those that passed: only when they were tried again.
    pub flaky: usize,
    /// Not reached, or ended with the run.
    pub not_run: usize,
}

impl Counts {
    /// Of the tests among these cases.
    pub fn of(cases: &[Case]) -> Self {
        let mut counts = Self::default();
        for case in cases.iter().filter(|case| case.kind == Kind::Test) {
            counts.flaky += usize::from(case.flaky && case.result == Ended::Passed);
            *match case.result {
                Ended::Passed => &mut counts.passed,
                Ended::Failed | Ended::Unfinished => &mut counts.failed,
                Ended::Partly | Ended::Allowed | Ended::Skipped => &mut counts.skipped,
                Ended::NotRun | Ended::Stopped => &mut counts.not_run,
            } += 1;
        }
        counts
    }

    /// Tests that ran.
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
            flaky: a.flaky + b.flaky,
            not_run: a.not_run + b.not_run,
        })
    }
}

/// The cases of a subject, each part in the order in which it began, followed by its tests; without
/// the parts that others replace (`again`).
pub(super) fn of(subject: &Subject, again: &HashMap<usize, usize>) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let known = Known::of(subject);
    let mut shared = HashMap::new();
    let parts = subject.parts.iter();
    for part in parts.filter(|part| !again.contains_key(&part.number)) {
        match folded(&known, part) {
            Some(name) => fold(&mut cases, &mut shared, &known, part, name),
            None => cases.push(of_part(&known, part)),
        }
        let tests = known
            .tests_of(part)
            .filter(|(_, test)| test.name != NO_TEST);
        cases.extend(tests.map(|(index, test)| of_test(&known, part, index, test)));
    }
    cases.extend(whole(&known, &cases));
    for case in cases.iter_mut().filter(|case| case.parts.len() > 1) {
        case.seconds = together(subject, &case.parts);
    }
    number(&mut cases);
    cases
}

/// The subject itself, where no part of it says how it ended: it was skipped, or failed before
/// anything began; or where it passed and nothing has judged it, which is a skipped test.
fn whole(known: &Known<'_>, cases: &[Case]) -> Option<Case> {
    let subject = known.subject;
    let worst = subject.parts.iter().map(|part| part.result).max();
    let told = worst.is_some_and(|worst| worst >= subject.result);
    let asks = matches!(&*subject.command, "test" | "verify");
    let untested = asks && !cases.iter().any(|case| case.kind == Kind::Test);
    let cause = subject.failure.as_ref().map(|failure| failure.cause);
    let judged = cause == Some(Cause::Verify);
    let (name, kind, result) = match subject.result {
        Ended::Passed if untested => (NO_TEST, Kind::Test, Ended::Skipped),
        Ended::Failed if untested && !told && judged => (NO_TEST, Kind::Test, Ended::Failed),
        result => (&*subject.command, Kind::Phase, result),
    };
    (!told || kind == Kind::Test).then(|| Case {
        class: known.class(None),
        name: name.into(),
        kind,
        result,
        seconds: subject.seconds,
        flaky: false,
        parts: Vec::new(),
        test: None,
    })
}

/// The name of the case that a part shares with others.
fn folded(known: &Known<'_>, part: &Part) -> Option<&'static str> {
    let shared = FOLDED
        .iter()
        .find(|(_, actions)| actions.contains(&&*part.action));
    let own = part.action == "converge" || JUDGES.contains(&&*part.action);
    match shared {
        Some((name, _)) => Some(name),
        // A block that was to fail, and did not, has judged by itself.
        None if part.block && known.own_result(part) == Ended::Failed => None,
        None => (!own || part.block).then_some(OTHERS),
    }
}

/// Adds a part to the case that it shares.
fn fold(
    cases: &mut Vec<Case>,
    shared: &mut HashMap<&'static str, usize>,
    known: &Known<'_>,
    part: &Part,
    name: &'static str,
) {
    let new = Case {
        class: known.class(None),
        name: name.into(),
        kind: Kind::Phase,
        result: known.own_result(part),
        ..of_part(known, part)
    };
    let Some(index) = shared.get(name) else {
        shared.insert(name, cases.len());
        cases.push(new);
        return;
    };
    let case = &mut cases[*index];
    case.result = worse(case.result, new.result);
    case.flaky |= new.flaky;
    case.parts.push(part.number);
}

/// What was not done says least where anything else was.
fn worse(a: Ended, b: Ended) -> Ended {
    let weight = |it: Ended| match it {
        Ended::NotRun | Ended::Skipped => 0,
        Ended::Passed => 1,
        Ended::Partly => 2,
        Ended::Allowed => 3,
        Ended::Stopped => 4,
        Ended::Unfinished => 5,
        Ended::Failed => 6,
    };
    if weight(b) > weight(a) { b } else { a }
}

/// The case of a part alone. A verify that found no test is a skipped one, even if it passed.
fn of_part(known: &Known<'_>, part: &Part) -> Case {
    let mut tests = known.tests_of(part);
    let none = known.tests_of(part).find(|(_, test)| test.name == NO_TEST);
    let kind = match JUDGES.contains(&&*part.action) || part.block {
        true if none.is_none() && tests.next().is_some() => Kind::Verify,
        true => Kind::Test,
        false => Kind::Phase,
    };
    let skipped = none.filter(|_| part.result == Ended::Passed);
    Case {
        class: known.class(part.instance.as_deref()),
        name: part.title.clone(),
        kind,
        result: skipped.map_or(part.result, |(_, test)| test.result),
        seconds: part.seconds,
        flaky: part.flaky,
        parts: vec![part.number],
        test: skipped.map(|(index, _)| index),
    }
}

fn of_test(known: &Known<'_>, part: &Part, index: usize, test: &Test) -> Case {
    let instance = test.instance.as_deref().or(part.instance.as_deref());
    Case {
        class: known.class(instance),
        name: format!("{}: {}", part.title, lasting(&test.name)),
        kind: Kind::Test,
        result: test.result,
        seconds: test.seconds.unwrap_or_default(),
        flaky: test.flaky,
        parts: vec![part.number],
        test: Some(index),
    }
}

/// A subject, in which nothing is searched for.
struct Known<'a> {
    subject: &'a Subject,
    /// Indices of the tests of each part.
    tests: HashMap<usize, Vec<usize>>,
    /// The suite of each member.
    suites: HashMap<&'a str, &'a str>,
    /// Paths around what has not ended well.
    troubled: HashSet<&'a [usize]>,
    /// What all classes begin with.
    class: String,
}

impl<'a> Known<'a> {
    fn of(subject: &'a Subject) -> Self {
        let mut tests: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, test) in subject.tests.iter().enumerate() {
            if let Some(part) = test.part {
                tests.entry(part).or_default().push(index);
            }
        }
        let (suite, platform) = (named(&subject.suite), named(&subject.platform));
        let bad = |part: &&Part| part.result >= Ended::Unfinished;
        let bad = subject.parts.iter().filter(bad).map(|part| &part.step);
        let members = subject.members.iter().map(String::as_str);
        // Of equal names the first counts.
        let members = members.zip(subject.suites.iter().map(String::as_str));
        Self {
            subject,
            tests,
            suites: members.rev().collect(),
            troubled: bad
                .flat_map(|step| (0..step.len()).map(|end| &step[..end]))
                .collect(),
            class: match platform.is_empty() {
                true => suite,
                false => format!("{suite}.{platform}"),
            },
        }
    }

    fn tests_of(&self, part: &Part) -> impl Iterator<Item = (usize, &'a Test)> {
        let tests = self.tests.get(&part.number).into_iter().flatten();
        tests.map(|index| (*index, &self.subject.tests[*index]))
    }

    fn class(&self, instance: Option<&str>) -> String {
        let whole = &self.class;
        let suite = instance.and_then(|instance| self.suites.get(instance));
        match (self.subject.cluster, suite) {
            (false, _) => whole.clone(),
            (true, Some(member)) => format!("{whole}.{}", named(member)),
            (true, None) => format!("{whole}.{WHOLE}"),
        }
    }

    /// How a part ended by itself: a block that failed by a step in it has not.
    fn own_result(&self, part: &Part) -> Ended {
        let told = part.block && self.troubled.contains(&part.step[..]);
        match part.result >= Ended::Unfinished && told {
            true => Ended::Passed,
            false => part.result,
        }
    }
}

/// Equal names of a class are counted, in order.
fn number(cases: &mut [Case]) {
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for case in cases {
        let key = (case.class.clone(), case.name.clone());
        let count = seen.entry(key).or_default();
        *count += 1;
        if *count > 1 {
            let mut name = format!("{} ({count})", case.name);
            while seen.contains_key(&(case.class.clone(), name.clone())) {
                name.push('\'');
            }
            seen.insert((case.class.clone(), name.clone()), 1);
            case.name = name;
        }
    }
}

/// How long at least one of these parts went on, in seconds.
fn together(subject: &Subject, parts: &[usize]) -> f64 {
    let part = |number: &usize| {
        let part = subject.part(*number)?;
        let start = part.started?.duration_since(subject.started).as_secs_f64();
        Some((start, start + part.seconds))
    };
    let mut spans: Vec<(f64, f64)> = parts.iter().filter_map(part).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut whole, mut until) = (0.0, f64::MIN);
    for (start, end) in spans {
        whole += (end - start.max(until)).max(0.0);
        until = until.max(end);
    }
    (whole * 1000.0_f64).round() / 1000.0
}
