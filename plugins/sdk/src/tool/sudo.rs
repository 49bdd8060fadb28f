//! How a command on an instance becomes root's.

use shell_words::quote;

/// Becomes root, unless it is root already and nobody asked for a sudo of his own.
#[derive(Clone, Debug)]
pub enum Sudo {
    /// Not at all.
    No,
    /// `sudo -E`, except for root: an instance whose user is root may have no sudo.
    Needed,
    /// These words, always.
    Always(String),
}

impl Sudo {
    /// By the keys `sudo` and `sudo_command`.
    pub fn of(sudo: bool, command: Option<&str>) -> Self {
        match (sudo, command) {
            (false, _) => Self::No,
            (true, None) => Self::Needed,
            (true, Some(command)) => Self::Always(command.trim().into()),
        }
    }

    /// A line of shell code that defines `as_root`, which runs its arguments.
    pub fn definition(&self) -> String {
        let body = match self {
            Self::No => r#""$@""#.into(),
            Self::Needed => {
                r#"if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -E "$@"; fi"#.to_string()
            }
            Self::Always(command) => format!(r#"{command} "$@""#),
        };
        format!("as_root() {{ {body}; }}")
    }
}

/// Code behind the words that a platform wants before everything.
pub fn prefixed(prefix: Option<&str>, code: String) -> String {
    match prefix.map(str::trim).filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => format!("{prefix} sh -c {}", quote(&code)),
        None => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_is_as_configured() {
        assert_eq!(
            Sudo::of(false, Some("doas")).definition(),
            "as_root() { \"$@\"; }"
        );
        assert_eq!(
            Sudo::of(true, Some("env 'A=b c'")).definition(),
            "as_root() { env 'A=b c' \"$@\"; }"
        );
        assert!(Sudo::of(true, None).definition().contains("sudo -E"));
    }

    #[test]
    fn a_prefix_stands_before_one_shell() {
        assert_eq!(prefixed(None, "a; b".into()), "a; b");
        assert_eq!(prefixed(Some(" "), "a; b".into()), "a; b");
        assert_eq!(
            prefixed(Some("chvrf x"), "a; b".into()),
            "chvrf x sh -c 'a; b'"
        );
    }
}
