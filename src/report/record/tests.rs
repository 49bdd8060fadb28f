//! Records that are whole, cut off, damaged, of other versions, old and locked.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::report::story::{cluster, place};
use crate::run::{Event, EventKind};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

fn keep(runs: usize, days: u32) -> Keep {
    Keep {
        bytes: u64::MAX,
        runs,
        age: DAY * days,
    }
}

/// All events as JSON, and what else was found.
fn read_all(path: &std::path::Path) -> (Vec<serde_json::Value>, Ending) {
    let mut events = Vec::new();
    let ending = read(path, |event| events.push(json(&event))).expect("a record");
    (events, ending)
}

fn json(event: &Event) -> serde_json::Value {
    serde_json::to_value(event).expect("JSON")
}

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let events = cluster().events;
    let runs = Runs::new(dir.path());
    let mut writer = runs
        .begin("r1", "0.1.0", at(0), &keep(9, 9))
        .expect("begun");
    let written = events.iter().try_for_each(|event| writer.event(event));
    written.expect("a record");
    let (found, ending) = read_all(&writer.path());
    assert_eq!(found, events.iter().map(json).collect::<Vec<_>>());
    assert!(ending.finished && !ending.newer(), "{ending:?}");
    assert_eq!((ending.unknown, ending.broken), (0, 0));
    assert_eq!(ending.header.map(|header| header.run), Some("r1".into()));
}

#[test]
fn output_has_the_form_of_any_event_on_disk() {
    for text in ["plain", "\"quoted\" \\ \u{1b}[31m \u{fffd} </script>", ""] {
        let event = Event {
            at: at(1),
            kind: EventKind::Printed {
                place: place("web", if text.is_empty() { "" } else { "web1" }, &[2, 1]),
                stream: banquet_sdk::Stream::Err,
                text: text.into(),
            },
        };
        let fast = printed::Printed::of(&event).expect("output");
        assert_eq!(serde_json::to_value(&fast).expect("JSON"), json(&event));
        let mut read = Vec::new();
        fast.events(|event| read.push(json(&event)));
        assert_eq!(read, [json(&event)]);
    }
}

#[test]
fn a_record_that_is_cut_off_anywhere_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let mut writer = runs
        .begin("r1", "0.1.0", at(0), &keep(9, 9))
        .expect("begun");
    let events = cluster().events;
    let written = events.iter().try_for_each(|event| writer.event(event));
    written.expect("a record");
    let whole = fs::read(writer.path()).expect("bytes");
    let path = dir.path().join("cut");
    for length in (0..whole.len() - 2).step_by(11) {
        fs::write(&path, &whole[..length]).expect("a file");
        let (found, ending) = read_all(&path);
        let lines = whole[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        assert!(!ending.finished, "cut at {length}");
        assert!(found.len() + 1 >= lines, "{} of {lines} lines", found.len());
        assert!(ending.broken <= 1, "cut at {length}: {ending:?}");
    }
}

/// Lines of two members, nearly at once.
fn printed(second: i64, count: usize, text: &str) -> Vec<Event> {
    let line = |number: usize| Event {
        at: at(second) + jiff::SignedDuration::from_micros(number.try_into().expect("small")),
        kind: EventKind::Printed {
            place: place(
                "web",
                if number.is_multiple_of(3) { "a" } else { "b" },
                &[1],
            ),
            stream: banquet_sdk::Stream::Out,
            text: format!("{number} {text}"),
        },
    };
    (0..count).map(line).collect()
}

#[test]
fn output_that_comes_at_once_is_one_event_and_read_line_by_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let mut writer = runs
        .begin("r1", "0.1.0", at(0), &keep(9, 9))
        .expect("begun");
    let events = printed(0, 90, "line\\n\t\u{1b}[1m");
    let written = events.iter().try_for_each(|event| writer.event(event));
    written.and_then(|()| writer.flush()).expect("a record");
    let text = fs::read_to_string(writer.path()).expect("text");
    assert_eq!(text.lines().count(), 3, "{text}");
    let (found, _) = read_all(&writer.path());
    for instance in ["a", "b"] {
        let of = |events: Vec<serde_json::Value>| -> Vec<serde_json::Value> {
            let own = events.into_iter().filter(|it| it["instance"] == instance);
            own.map(|it| it["text"].clone()).collect()
        };
        assert_eq!(of(found.clone()), of(events.iter().map(json).collect()));
    }
}

#[test]
fn a_long_record_is_in_parts_and_takes_no_more_room_than_it_may() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let text = "x".repeat(20 << 10);
    let mut writers = Vec::new();
    for (second, run, room) in [(1, "long", u64::MAX), (2, "cut", 20 << 20)] {
        let keep = Keep {
            bytes: room,
            ..keep(9, 9)
        };
        let writer = runs.begin(run, "0.1.0", at(second), &keep);
        let mut writer = writer.expect("begun");
        let events = printed(second, 1800, &text);
        let written = events.iter().try_for_each(|event| writer.event(event));
        written.and_then(|()| writer.flush()).expect("a record");
        writers.push(writer);
    }
    let lines = |run: &str| {
        let entry = runs.find(Some(run)).expect("a run");
        read_all(&entry.events()).0.len()
    };
    let has = |name: &str| dir.path().join("runs").join(name).exists();
    assert_eq!(lines("long"), 1800);
    assert!(writers[1].is_full() && !writers[0].is_full());
    assert!((900..1100).contains(&lines("cut")), "{}", lines("cut"));
    assert!(has("long/events.ndjson") && has("long/events.ndjson.0001.gz"));
    assert!(has("long/events.ndjson.0002") && !has("long/events.ndjson.0001"));

    drop(writers);
    runs.prune(&keep(9, 9), SystemTime::now());
    assert!(has("cut/events.ndjson"), "the newest stays as it is");
    assert!(has("long/events.ndjson.gz") && !has("long/events.ndjson"));
    assert_eq!((lines("long"), runs.list().len()), (1800, 2));
    let keep = Keep {
        bytes: 1 << 20,
        ..keep(9, 9)
    };
    runs.prune(&keep, SystemTime::now());
    assert_eq!(runs.list().len(), 1, "there is no room for the older one");
}

#[test]
fn what_is_not_understood_is_counted_and_passed_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.ndjson");
    let lines: [&[u8]; 6] = [
        br#"{"record":2,"run":"r9","at":"2030-01-01T00:00:00Z","version":"9.0.0","more":1}"#,
        br#"{"at":"2030-01-01T00:00:01Z","event":"moon_landed","where":"here"}"#,
        b"\xff\xfe broken \x00",
        br#"{"at":"2030-01-01T00:00:02Z","event":"warned","subject":"web","message":"low","new":[1]}"#,
        b"",
        b"{\"at\":\"2030-01-01T00:00:03Z\",\"event\":\"printed\",\"subject\":\"web\",\"stream\":\"out\",\"text\":\"half \xc3\"}",
    ];
    fs::write(&path, lines.join(&b'\n')).expect("a file");
    let (found, ending) = read_all(&path);
    let kinds: Vec<_> = found.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(kinds, ["warned", "printed"]);
    assert_eq!(found[1]["text"], "half \u{fffd}");
    assert_eq!((ending.unknown, ending.broken), (1, 1));
    assert!(ending.newer() && !ending.finished);
}

#[test]
fn old_records_go_and_open_ones_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    let names =
        |runs: &Runs| -> Vec<String> { runs.list().into_iter().map(|entry| entry.run).collect() };
    let mut writers = Vec::new();
    for (second, run) in (0..).zip(["a", "b", "c", "d"]) {
        let writer = runs.begin(run, "0.1.0", at(second), &keep(9, 9));
        writers.push(writer.expect("begun"));
    }
    assert_eq!(names(&runs), ["d", "c", "b", "a"]);
    let entry = runs.find(Some("b")).expect("a run");
    assert!(entry.is_open());
    drop(writers.drain(..2));
    assert!(!entry.is_open());
    runs.prune(&keep(1, 9), SystemTime::now());
    assert_eq!(names(&runs), ["d", "c"], "c is being written");
    drop(writers);
    runs.prune(&keep(9, 9), SystemTime::now() + 8 * DAY);
    assert_eq!(names(&runs), ["d", "c"]);
    fs::create_dir(dir.path().join("runs/e")).expect("a directory");
    fs::write(dir.path().join("runs/e/events.ndjson"), "").expect("a record that begins");
    runs.prune(&keep(1, 9), SystemTime::now());
    assert_eq!(names(&runs), ["e"], "d was not the newest any more");
    fs::create_dir(dir.path().join("runs/d")).expect("a directory");
    fs::write(dir.path().join("runs/d/events.ndjson"), "").expect("a record that begins");
    runs.prune(&keep(1, 9), SystemTime::now());
    assert_eq!(names(&runs).len(), 2, "both begin");
    fs::remove_dir_all(dir.path().join("runs/e")).expect("a directory");
    runs.prune(&keep(9, 9), SystemTime::now() + 10 * DAY);
    assert_eq!(names(&runs), ["d"], "the newest stays");
    assert_eq!(runs.find(None).expect("a run").run, "d");
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id_and_by_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = Runs::new(dir.path());
    assert!(matches!(runs.find(None), Err(NoRun::None(_))));
    for run in ["aa1", "aa2", "aa"] {
        runs.begin(run, "0.1.0", at(0), &keep(9, 9)).expect("begun");
    }
    for (id, found) in [
        ("aa1", Some("aa1")),
        ("a", None),
        ("b", None),
        ("../runs/aa1", None),
    ] {
        let entry = runs.find(Some(id)).ok().map(|entry| entry.run);
        assert_eq!(entry.as_deref(), found, "{id}");
    }
}
