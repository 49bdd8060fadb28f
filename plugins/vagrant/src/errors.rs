//! What Vagrant's errors mean, and what to do about them.

use std::collections::BTreeMap;

use banquet_sdk::{Error, ErrorKind, ExitStatus};

use crate::told::Found;

/// Advice by the class of the error.
const ADVICE: [(&str, &str); 12] = [
    ("BoxAddShortNotFound", BOX),
    ("BoxAddNoMatchingProvider", BOX),
    ("BoxAddNoMatchingVersion", BOX),
    ("BoxNotFound", BOX),
    ("DownloaderError", BOX),
    ("ProviderNotFound", PROVIDER),
    ("ProviderNotUsable", PROVIDER),
    ("NoDefaultProvider", PROVIDER),
    ("VirtualBoxNotDetected", PROVIDER),
    ("BootTimeout", BOOT),
    ("LockedError", LOCK),
    ("MachineLocked", LOCK),
];
const BOX: &str =
    "Set `box` to the name of a box, `box_url` to where it is, or add it by `vagrant box add`.";
const PROVIDER: &str =
    "Install what the provider needs, or set `provider`; `kitchen doctor` says what is missing.";
const BOOT: &str = "Set `boot_timeout` (seconds) higher, or look at the machine with `gui: true`; the user and key that Vagrant logs in with are `username` and `ssh_key`.";
const LOCK: &str = "Wait for the other Vagrant, end it, or set `lock_timeout` (seconds) higher.";
/// Advice by what the text says, where the class is that of many errors.
const BY_TEXT: [(&str, &str); 6] = [
    ("Vagrant could not detect VirtualBox", PROVIDER),
    ("could not be found, but was requested to", PROVIDER),
    ("Timed out while waiting for the machine to boot", BOOT),
    (
        "Cannot connect to the Docker daemon",
        "Start the Docker engine, or set DOCKER_HOST.",
    ),
    (
        "pull access denied",
        "Build or pull the image that `customize` names as `image` first.",
    ),
    (
        "No such image",
        "Build or pull the image that `customize` names as `image` first.",
    ),
];

/// Whether an error of this class means that another Vagrant is at work.
pub fn is_lock(class: &str) -> bool {
    class.ends_with("LockedError") || class.ends_with("MachineLocked")
}

/// Whether Vagrant stumbled over somebody else's container or network: its provider docker inspects
/// all that it has listed, and one of them has gone meanwhile.
pub fn is_stumble(found: &Found) -> bool {
    let gone = [
        "No such object",
        "No such container",
        "No such network",
        " not found",
    ];
    found.error.as_ref().is_some_and(|(_, text)| {
        text.contains("\"inspect\"") && gone.iter().any(|it| text.contains(it))
    })
}

/// Whether what Vagrant failed at is the Vagrantfile.
pub fn is_vagrantfile(found: &Found) -> bool {
    match &found.error {
        Some((class, _)) => ["Vagrantfile", "ConfigInvalid", "MachineNotFound"]
            .iter()
            .any(|part| class.contains(part)),
        // Ruby could not read it.
        None => (found.last_words.iter()).any(|line| line.contains("failed to initialize")),
    }
}

/// The error of a command that ran and failed.
pub fn told(what: &str, status: ExitStatus, found: &Found) -> Error {
    match &found.error {
        Some((class, text)) => explained(what, class, text),
        None => {
            let said = found.last_words.join("\n");
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(": {said}")
            };
            let mut error = explained(what, "", &format!("exit code {}{said}", status.0));
            error.exit_code = Some(status.0);
            error
        }
    }
}

/// What the error that ended a command for many means for each of them: Vagrant tells them one
/// after another.
pub fn each(what: &str, text: &str) -> BTreeMap<String, Error> {
    const HEAD: &str = "An error occurred while executing the action on the '";
    let mut all = BTreeMap::new();
    for part in text.split(HEAD).skip(1) {
        let Some((machine, rest)) = part.split_once('\'') else {
            continue;
        };
        let message = rest
            .split_once("try again:")
            .map_or(rest, |(_, message)| message);
        all.insert(machine.to_owned(), explained(what, "", message.trim()));
    }
    all
}

fn explained(what: &str, class: &str, text: &str) -> Error {
    let by_class = ADVICE
        .iter()
        .find(|(end, _)| !class.is_empty() && class.contains(end));
    let advice = by_class.or_else(|| BY_TEXT.iter().find(|(part, _)| text.contains(part)));
    let advice = advice.map(|(_, advice)| *advice);
    let kind = match advice {
        Some(BOOT) => ErrorKind::Timeout,
        _ => ErrorKind::Machine,
    };
    let error = Error::new(kind, format!("{what}: {}", text.trim()));
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// The error of a program that could not be started.
pub fn not_started(program: &str, error: Error) -> Error {
    let named = match program {
        "vagrant" => {
            "Install Vagrant (https://developer.hashicorp.com/vagrant/install), or set `vagrant_binary` to where it is."
        }
        "docker" => "Install Docker's command line: Vagrant's provider docker uses it.",
        _ => "Set `vagrant_binary` to where Vagrant is.",
    };
    error.hint(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_vagrant_said_and_what_to_do() {
        let error = |class: &str, text: &str| {
            let found = Found {
                error: Some((format!("Vagrant::Errors::{class}"), text.into())),
                ..Found::default()
            };
            told("vagrant up", ExitStatus(1), &found)
        };
        let boot = error("VMBootTimeout", "Timed out while waiting");
        assert_eq!(
            (boot.kind, boot.message.as_str()),
            (ErrorKind::Timeout, "vagrant up: Timed out while waiting")
        );
        assert!(boot.hints[0].contains("boot_timeout"));
        assert!(error("BoxAddShortNotFound", "The box 'x'").hints[0].contains("box_url"));
        assert!(error("ProviderNotFoundSuggestion", "x").hints[0].contains("doctor"));
        assert!(error("VagrantError", "nothing known").hints.is_empty());
        assert!(is_lock("Vagrant::Errors::MachineActionLockedError"));
        assert!(!is_lock("Vagrant::Errors::VMBootTimeout"));
    }

    #[test]
    fn what_others_remove_meanwhile_is_no_error_of_ours() {
        let stumbles = |text: &str| {
            is_stumble(&Found {
                error: Some(("ExecuteError".into(), text.into())),
                ..Found::default()
            })
        };
        assert!(stumbles(
            "Command: [\"docker\", \"inspect\", \"63fa\"]\nError: No such object: 63fa"
        ));
        assert!(stumbles(
            "[\"docker\", \"network\", \"inspect\", \"x\"] Error: network x not found"
        ));
        assert!(!stumbles("[\"docker\", \"run\"] No such image"));
    }

    #[test]
    fn an_error_of_many_is_told_to_each() {
        let text = "An error occurred while executing the action on the 'db'\nmachine. Please handle this error then try again:\n\n\
            Timed out while waiting for the machine to boot. This\n\nAn error occurred while executing the action on the 'web'\n\
            machine. Please handle this error then try again:\n\nno such thing\n";
        let all = each("vagrant up", text);
        assert_eq!(all["db"].kind, ErrorKind::Timeout);
        assert_eq!(all["web"].message, "vagrant up: no such thing");
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn without_a_class_the_last_words_tell() {
        let found = Found {
            last_words: vec!["syntax error".into()],
            ..Found::default()
        };
        let error = told("vagrant up", ExitStatus(255), &found);
        assert_eq!(error.message, "vagrant up: exit code 255: syntax error");
    }
}
