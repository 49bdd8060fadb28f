//! What Test Kitchen's command line (Thor) takes and clap does not, rewritten before parsing.

use std::ffi::OsString;

/// Switches that are off unless given.
const OFF: &[&str] = &[
    "all",
    "all-sessions",
    "auto-init",
    "bare",
    "create-gemfile",
    "debug",
    "fail-fast",
    "follow",
    "json",
    "live",
    "loader",
    "parallel",
    "plugins",
    "probe",
];

/// Switches whose absence is neither yes nor no.
const OPEN: &[&str] = &["color", "instances", "log-overwrite"];

/// Options whose value may be missing.
const CONCURRENCY: &[&str] = &["-c", "--concurrency"];

/// The arguments (the program's name first) as clap takes them:
/// - `--log_level` is `--log-level`;
/// - `--no-color` is `--color=false`, `--log-overwrite false` is `--log-overwrite=false`,
///   `--no-bare` is nothing;
/// - `-c web` is `-c` without a number, then `web`; `-c4` is `-c 4`.
pub fn rewrite(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let runs_commands = command(&arguments).is_some_and(|word| "exec".starts_with(word));
    let mut rewritten = Vec::with_capacity(arguments.len());
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            rewritten.push(argument);
            break;
        }
        let Some(text) = argument.to_str() else {
            rewritten.push(argument);
            continue;
        };
        let next = rest.peek().and_then(|next| next.to_str());
        if CONCURRENCY.contains(&text) && !runs_commands {
            let number = next.is_some_and(|next| next.parse::<usize>().is_ok());
            let value = if number { rest.next() } else { None };
            let mut joined = OsString::from("--concurrency=");
            joined.push(value.unwrap_or_else(|| super::args::ALL.to_string().into()));
            rewritten.push(joined);
            continue;
        }
        // `-c4`.
        let attached = text.strip_prefix("-c").filter(|number| {
            !runs_commands && !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit())
        });
        if let Some(number) = attached {
            rewritten.push(format!("--concurrency={number}").into());
            continue;
        }
        let (switch, taken) = switch(&dashes(text), next);
        if taken {
            rest.next();
        }
        rewritten.extend(switch.map(OsString::from));
    }
    rewritten.extend(rest);
    rewritten
}

/// The word of the command: the first that is neither an option nor the value of `-C`.
fn command(arguments: &[OsString]) -> Option<&str> {
    let mut rest = arguments.iter().skip(1).filter_map(|word| word.to_str());
    while let Some(word) = rest.next() {
        if word == "-C" || word == "--directory" {
            rest.next();
        } else if !word.starts_with('-') {
            return Some(word);
        }
    }
    None
}

/// A long option's name with dashes for underscores.
fn dashes(text: &str) -> String {
    if !text.starts_with("--") {
        return text.into();
    }
    match text.split_once('=') {
        Some((name, value)) => format!("{}={value}", name.replace('_', "-")),
        None => text.replace('_', "-"),
    }
}

/// A switch as clap takes it, none where it says no to what is off anyway, and whether the next
/// argument was its value.
fn switch(text: &str, next: Option<&str>) -> (Option<String>, bool) {
    let known = |name: &str| OFF.contains(&name) || OPEN.contains(&name);
    let bare = text.strip_prefix("--").unwrap_or_default();
    let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
    let negated = name.strip_prefix("no-").or(name.strip_prefix("skip-"));
    let (name, yes, taken) = match (negated, truth(value), next.and_then(truth)) {
        (Some(name), _, _) if known(name) => (name, false, false),
        (_, Some(yes), _) if known(name) => (name, yes, false),
        (_, None, Some(yes)) if known(name) => (name, yes, true),
        _ => return (Some(text.into()), false),
    };
    let written = match (OPEN.contains(&name), yes) {
        (true, _) => Some(format!("--{name}={yes}")),
        (false, true) => Some(format!("--{name}")),
        (false, false) => None,
    };
    (written, taken)
}

/// A yes or no in Thor's spelling.
fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "TRUE" | "t" | "T" => Some(true),
        "false" | "FALSE" | "f" | "F" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    fn rewrite(line: &str) -> String {
        let words = line.split(' ').map(Into::into);
        let rewritten: Vec<_> = super::rewrite(words)
            .into_iter()
            .map(|word| word.into_string().expect("text"))
            .collect();
        rewritten.join(" ")
    }

    #[test]
    fn a_bare_concurrency_leaves_the_name_alone() {
        assert_eq!(
            rewrite("kitchen test -c web"),
            "kitchen test --concurrency=9999 web"
        );
        assert_eq!(
            rewrite("kitchen test -c 4 web"),
            "kitchen test --concurrency=4 web"
        );
        assert_eq!(
            rewrite("kitchen test web -c"),
            "kitchen test web --concurrency=9999"
        );
        assert_eq!(
            rewrite("kitchen test -c4 web"),
            "kitchen test --concurrency=4 web"
        );
        assert_eq!(
            rewrite("kitchen -C dir exec web -c uptime"),
            "kitchen -C dir exec web -c uptime"
        );
    }

    #[test]
    fn switches_as_thor_takes_them() {
        assert_eq!(
            rewrite("kitchen list --no-color"),
            "kitchen list --color=false"
        );
        assert_eq!(
            rewrite("kitchen test --log_overwrite false web"),
            "kitchen test --log-overwrite=false web"
        );
        assert_eq!(
            rewrite("kitchen list --no-bare --json=true"),
            "kitchen list --json"
        );
        assert_eq!(
            rewrite("kitchen test --fail-fast web"),
            "kitchen test --fail-fast web"
        );
        assert_eq!(
            rewrite("kitchen test --no-recreate"),
            "kitchen test --no-recreate"
        );
        assert_eq!(
            rewrite("kitchen create --log_level=debug"),
            "kitchen create --log-level=debug"
        );
        assert_eq!(
            rewrite("kitchen exec -- --a_b -c 4"),
            "kitchen exec -- --a_b -c 4"
        );
    }
}
