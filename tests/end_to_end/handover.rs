//! A project that goes on with this program where Test Kitchen 4.1.0 left off. The files in
//! `written_by_test_kitchen/` are its own; what it is given back has the same shape.

use crate::support::Project;
use serde_json::{Map, Value};

const LOG: &str = include_str!("handover/good-debian-12.ndjson");
const BAD: &str = include_str!("handover/bad-debian-12.ndjson");

fn project() -> Project {
    Project::new()
        .file("kitchen.yml", include_str!("handover/kitchen.yml"))
        .file(
            ".kitchen/good-debian-12.yml",
            include_str!("handover/good-debian-12.yml"),
        )
        .file(
            ".kitchen/bad-debian-12.yml",
            include_str!("handover/bad-debian-12.yml"),
        )
        .file(".kitchen/logs/good-debian-12.ndjson", LOG)
        .file(".kitchen/logs/bad-debian-12.ndjson", BAD)
        .file(
            ".kitchen/logs/good-debian-12.log",
            include_str!("handover/good-debian-12.log"),
        )
}

fn events(text: &str) -> Vec<Map<String, Value>> {
    let events = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    events.collect()
}

/// The event with this message.
fn said(events: &[Map<String, Value>], message: &str) -> Map<String, Value> {
    let found = events
        .iter()
        .rev()
        .find(|event| event["message"] == message);
    found.unwrap_or_else(|| panic!("{message:?}")).clone()
}

#[test]
fn states_are_read() {
    let project = project();
    project
        .kitchen("list --no-color")
        .succeeds()
        .prints("good-debian-12  Proxy   Dummy        Shell     Dummy      Verified       <None>")
        .prints("bad-debian-12   Proxy   Dummy        Shell     Dummy      Set Up         Kitchen::ActionFailed")
        .prints("new-debian-12   Proxy   Dummy        Shell     Dummy      <Not Created>  <None>");
    let told = project.kitchen("diagnose bad").succeeds().out;
    for line in [
        "      last_attempted_action: verify\n",
        "      last_error: Kitchen::ActionFailed\n",
        "      hostname: localhost\n",
        "      instance_session_id: 279be85d-0180-453b-b20c-8d6529727e93\n",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

#[test]
fn logs_are_read() {
    let project = project();
    let out = |arguments: &str| project.kitchen(arguments).succeeds().is_quiet().out;
    let text = out("logs good");
    assert!(text.starts_with("Creating <good-debian-12>...\n"), "{text}");
    assert_eq!(text.lines().count(), LOG.lines().count());
    assert_eq!(out("logs good --format ndjson"), LOG);
    assert_eq!(out("logs good --level warn"), "");
    assert_eq!(out("logs good --level info").lines().count(), 13);
    assert!(out("logs bad --level error").contains("Verify failed on instance <bad-debian-12>."));
    assert_eq!(
        out("logs --all-sessions all").lines().count(),
        text.lines().count() + out("logs bad").lines().count()
    );
}

#[test]
fn a_run_goes_on_and_writes_what_test_kitchen_would() {
    let project = project();
    project
        .kitchen("verify bad --log-overwrite=false")
        .exits(10)
        .prints("-----> Verifying <bad-debian-12>...");
    let state = project.read(".kitchen/bad-debian-12.yml");
    for line in [
        "instance_session_id: 279be85d-0180-453b-b20c-8d6529727e93\n",
        "last_action: setup\n",
        "last_attempted_action: verify\n",
    ] {
        assert!(state.contains(line), "{line} in {state}");
    }
    assert!(
        !state.contains("28f38fb8-23ca-438d-8e6b-ca7eb7580224"),
        "a new action id in {state}"
    );
    let log = project.read(".kitchen/logs/bad-debian-12.ndjson");
    let own = log.strip_prefix(BAD).expect("what was there stays");
    let (theirs, own) = (events(BAD), events(own));
    let banner = "Verifying <bad-debian-12>...";
    let (theirs, own) = (said(&theirs, banner), said(&own, banner));
    let keys = |event: &Map<String, Value>| event.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&theirs), keys(&own));
    for key in [
        "instance",
        "suite",
        "platform",
        "action",
        "instance_session_id",
        "level",
        "event_type",
        "progname",
    ] {
        assert_eq!(theirs[key], own[key], "{key}");
    }
    let length = |event: &Map<String, Value>| event["timestamp"].as_str().map(str::len);
    assert_eq!(length(&theirs), length(&own));

    project.kitchen("destroy").succeeds();
    assert!(!project.has(".kitchen/bad-debian-12.yml"));
    assert!(!project.has(".kitchen/good-debian-12.yml"));
}

#[test]
fn the_plain_log_has_rubys_form() {
    let project = project();
    project
        .kitchen("verify good --log-overwrite=false")
        .succeeds();
    let log = project.read(".kitchen/logs/good-debian-12.log");
    let shape = fancy_regex::Regex::new(
        r"(?m)^I, \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #\d+\]  INFO -- good-debian-12: -----> Verifying <good-debian-12>\.\.\.$",
    )
    .expect("a pattern");
    assert_eq!(shape.find_iter(&log).count(), 3, "{log}");
}
