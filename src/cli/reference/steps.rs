//! The reference of steps: its parts in order, for every form in which it is shown.

use super::key::{self, Key};
use crate::cli::schema;
use crate::matrix::OPTIONS;
use crate::matrix::reference::{ACTIONS, BLOCKS, Form};

/// A part of the reference.
pub enum Part {
    /// What the following is about.
    Chapter(&'static str),
    /// A paragraph.
    Words(&'static str),
    /// An action or a block.
    Form(Form),
    /// The keys of what was told before.
    Keys(Vec<Key>),
}

const FORMS: &str = "A step is a line, `ACTION SUITE`, or a map with the line as `step:` and keys \
    beside it. What has a key `concurrent`, `steps`, `during`, `rolling`, `heartbeat` or `chaos` in \
    place of `step` is a block. Lengths of time are seconds, or a number with `ms`, `s`, `m`, `h` \
    or `d` (`1m30s`). Texts may hold expressions: `{{peers.db.address}}`.";

const OWN_KEYS: &str = "`provisioner`, `verifier` and `transport` of a step are written as everywhere \
    in the file, as a name or a map, and hold for this step. With `converge`, `setup`, `verify`, `exec` \
    and `wait`, keys of the plugin that the action uses may also stand in the step itself. Any other \
    key is an error that names the nearest of the keys that this action and this plugin have. A plugin \
    in another process that does not tell its keys, and one that takes any, get every key; one that is \
    nearly an option is warned of. Settings of the driver are an error in a step: machines are made in \
    a phase of their own.";

/// All parts.
pub fn parts() -> Vec<Part> {
    let schema = schema::config_schema();
    let all = key::keys_in(&schema, "Step");
    let mut parts = vec![
        Part::Words(FORMS),
        Part::Chapter("Options of every step and block"),
        Part::Keys(named(&all, &OPTIONS)),
        Part::Words(OWN_KEYS),
        Part::Chapter("Actions"),
    ];
    for form in ACTIONS {
        parts.push(Part::Form(form));
        parts.push(Part::Keys(named(&all, form.keys)));
    }
    parts.push(Part::Chapter("Blocks, heartbeats, chaos"));
    for form in BLOCKS {
        parts.push(Part::Form(form));
        let definition = match form.word {
            "rolling" => "Rolling",
            "heartbeat" => "Heartbeat",
            "chaos" => "Chaos",
            _ => continue,
        };
        parts.push(Part::Keys(key::keys_in(&schema, definition)));
    }
    parts.retain(|part| !matches!(part, Part::Keys(keys) if keys.is_empty()));
    parts
}

/// The keys of these names and those within them, said of the action itself.
fn named(all: &[Key], names: &[&str]) -> Vec<Key> {
    let of = |name: &&str| {
        let within = format!("{name}.");
        let name = (*name).to_owned();
        all.iter()
            .filter(move |key| key.name == name || key.name.starts_with(&within))
    };
    let keys = names.iter().flat_map(of).cloned();
    keys.map(|key| Key {
        meaning: without_subject(&key.meaning),
        ..key
    })
    .collect()
}

/// "A wait step: until …" is "Until …" where the wait step is the subject anyway.
fn without_subject(meaning: &str) -> String {
    let rest = meaning
        .strip_prefix(['A'])
        .and_then(|it| it.split_once(": "));
    match rest {
        Some((subject, rest))
            if subject.ends_with(" step") || subject.ends_with(" fault") || subject == " fault" =>
        {
            let mut letters = rest.chars();
            let first: String = letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            format!("{first}{}", letters.as_str())
        }
        _ => meaning.to_owned(),
    }
}
