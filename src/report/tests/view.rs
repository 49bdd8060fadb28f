//! The live view at moments of synthetic runs.

use jiff::Timestamp;

use super::super::story::{Story, cluster, fire, instance};
use super::super::view::view;
use super::super::*;
use super::recorded;

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

/// What is expected after one run of [`instance`].
fn of_a_run() -> expected::Expected {
    let (_dir, runs) = recorded(&instance());
    expected::Expected::read(&runs)
}

#[test]
fn the_view_says_how_long_it_took_the_last_time_that_it_passed() {
    let expected = of_a_run();
    let mut tally = Tally::default();
    instance().events[..3]
        .iter()
        .for_each(|event| tally.event(event));
    let now = Timestamp::from_second(1_700_000_010).expect("a time");
    let seen = view(&tally, &expected, now, 80, 24);
    assert!(seen.ends_with("9s of about 1m05s"), "{seen}");
}

#[test]
fn what_is_expected_comes_from_runs_with_the_same_plan() {
    let expected = of_a_run();
    let now = Timestamp::from_second(1_700_000_010).expect("a time");
    let seen = |change: fn(&mut String, &mut Vec<String>)| {
        let mut tally = Tally::default();
        for event in &mut instance().events[..3] {
            if let EventKind::SubjectStarted { command, items, .. } = &mut event.kind {
                change(command, items);
            }
            tally.event(event);
        }
        view(&tally, &expected, now, 80, 24)
    };
    assert!(seen(|_, _| ()).contains("of about"));
    let partial = seen(|_, items| items.push("4".into()));
    assert!(!partial.contains("of about"), "{partial}");
    let other = seen(|command, _| *command = "converge".into());
    assert!(!other.contains("of about"), "{other}");
}

#[test]
fn a_member_that_is_killed_is_not_shown_as_verified() {
    let mut tally = Tally::default();
    let now = Timestamp::from_second(1_700_000_010).expect("a time");
    let none = expected::Expected::default();
    let mut story = fire();
    let verified = story::place("app", "web1", &[]);
    let mut before = Story::new(&[]);
    before.does(verified, "verify");
    let at = 2;
    story.events.splice(at..at, before.events.split_off(1));
    let mut seen = Vec::new();
    for event in &story.events {
        tally.event(event);
        seen.push(view(&tally, &none, now, 80, 24));
    }
    let states: Vec<&str> = seen
        .iter()
        .filter_map(|seen| seen.lines().last()?.strip_prefix("  web1  "))
        .collect();
    let of = |state: &str| states.iter().position(|it| *it == state);
    assert!(of("verified") < of("killed"), "{states:?}");
    assert!(
        of("killed").is_some() && states.last() == Some(&"verified"),
        "{states:?}"
    );
}

#[test]
fn the_view_tells_of_faults_in_force_and_of_heartbeats() {
    let mut tally = Tally::default();
    let now = Timestamp::from_second(1_700_000_010).expect("a time");
    let none = expected::Expected::default();
    let mut seen = Vec::new();
    for event in &fire().events {
        tally.event(event);
        seen.push(view(&tally, &none, now, 80, 24));
    }
    insta::assert_snapshot!(seen[5]);
    let [healed, ended] = [&seen[6], &seen[7]];
    assert!(
        !healed.contains("in force") && healed.contains("60 sent"),
        "{healed}"
    );
    assert!(!ended.contains("60 sent"), "{ended}");
}

#[test]
fn on_a_narrow_terminal_names_are_cut_and_figures_stay() {
    let mut tally = Tally::default();
    let now = Timestamp::from_second(1_700_000_100).expect("a time");
    fire().events[..6]
        .iter()
        .for_each(|event| tally.event(event));
    let none = expected::Expected::default();
    insta::assert_snapshot!(view(&tally, &none, now, 40, 24));
}
