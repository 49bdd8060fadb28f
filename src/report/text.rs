//! Words and lines as a person reads them.

use std::borrow::Cow;
use std::time::Duration;

use banquet_sdk::escapes::{self, Piece};
use banquet_sdk::outside::names::is_harmful;

/// A duration in Test Kitchen's form (lib/kitchen/util.rb): `(1m2.50s)` without the brackets.
pub fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0}m{:.2}s", seconds - minutes * 60.0)
}

/// Elapsed time for a live view: `7s`, `1m07s`, `1h01m`.
pub fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What an action is called while it runs, as in Test Kitchen; none for those it does not have.
pub fn doing(action: &str) -> Option<&'static str> {
    Some(match action {
        "create" => "Creating",
        "converge" => "Converging",
        "setup" => "Setting up",
        "verify" => "Verifying",
        "destroy" => "Destroying",
        _ => return None,
    })
}

/// What a command left out of a block of steps.
pub fn left_out(steps: &[String]) -> String {
    format!("left out: {}", steps.join(", "))
}

/// With a capital letter in front.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// What a member is after an action.
pub fn after(action: &str) -> &str {
    match action {
        "create" => "created",
        "converge" => "converged",
        "setup" => "set up",
        "verify" => "verified",
        "destroy" => "destroyed",
        other => other,
    }
}

/// A name as names of instances have it: `_`, `,` and `/` become `-`, dots vanish
/// (lib/kitchen/instance.rb, `name_for`).
pub fn named(text: &str) -> String {
    text.replace(['_', ',', '/'], "-").replace('.', "")
}

/// The name of a cluster or instance without its platform, where a run has only one.
pub fn short<'a>(name: &'a str, platforms: &[String]) -> &'a str {
    let [only] = platforms else { return name };
    let suite = name.strip_suffix(&named(only));
    let suite = suite.and_then(|suite| suite.strip_suffix('-'));
    suite.filter(|suite| !suite.is_empty()).unwrap_or(name)
}

/// `1`, `2.1`: a step's path.
pub fn path(step: &[usize]) -> String {
    let numbers: Vec<String> = step.iter().map(ToString::to_string).collect();
    numbers.join(".")
}

/// A line of a command's output that cannot harm a terminal: control characters and escape
/// sequences are taken out, of what was overwritten (`10%\r20%`) the last stays. With `colours`,
/// colour sequences stay and are closed at the end.
pub fn safe(line: &str, colours: bool) -> Cow<'_, str> {
    if !line.chars().any(unsafe_character) {
        return Cow::Borrowed(line);
    }
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut kept = String::with_capacity(line.len());
    let mut coloured = false;
    for (_, piece) in escapes::pieces(line) {
        match piece {
            Piece::Escape(sequence) if colours && is_colour(sequence) => {
                coloured = true;
                kept.push_str(sequence);
            }
            Piece::Escape(_) => {}
            Piece::Shown(it) | Piece::Hidden(it) if unsafe_character(it) => {}
            Piece::Shown(it) | Piece::Hidden(it) => kept.push(it),
        }
    }
    if coloured {
        kept.push_str("\u{1b}[0m");
    }
    Cow::Owned(kept)
}

/// Controls other than the tab, and characters that turn the direction of text.
fn unsafe_character(character: char) -> bool {
    is_harmful(character) && character != '\t'
}

fn is_colour(sequence: &str) -> bool {
    sequence
        .strip_prefix("\u{1b}[")
        .and_then(|sequence| sequence.strip_suffix('m'))
        .is_some_and(|codes| codes.chars().all(|c| c.is_ascii_digit() || c == ';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_test_kitchen_writes_them() {
        for (millis, expected) in [(0, "0m0.00s"), (1_234, "0m1.23s"), (62_500, "1m2.50s")] {
            assert_eq!(minutes(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn elapsed_time_is_short() {
        for (seconds, expected) in [(7, "7s"), (67, "1m07s"), (3_661, "1h01m")] {
            assert_eq!(elapsed(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_name_is_short_where_there_is_one_platform() {
        let one = ["ubuntu-22.04".to_owned()];
        let two = ["x".to_owned(), "y".to_owned()];
        for (name, platforms, expected) in [
            ("web-ubuntu-2204", &one[..], "web"),
            ("ubuntu-2204", &one, "ubuntu-2204"),
            ("other", &one, "other"),
            ("web-x", &two, "web-x"),
        ] {
            assert_eq!(short(name, platforms), expected);
        }
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(safe("a\tb ü 東", false), Cow::Borrowed(_)));
    }

    #[test]
    fn a_terminal_cannot_be_harmed() {
        for (line, expected) in [
            ("\u{1b}[2Jgone", "gone"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("bell\u{7} and \u{8}back", "bell and back"),
            ("10%\r20%\r", "20%"),
            ("turned \u{202e}txet", "turned txet"),
            ("cut off \u{1b}[31", "cut off "),
            ("c1 \u{9b}2J", "c1 2J"),
        ] {
            assert_eq!(safe(line, false), expected, "{line:?}");
        }
    }

    #[test]
    fn colours_stay_where_wanted_and_end() {
        assert_eq!(
            safe("\u{1b}[1;31mred\u{1b}[2J", true),
            "\u{1b}[1;31mred\u{1b}[0m"
        );
    }
}
