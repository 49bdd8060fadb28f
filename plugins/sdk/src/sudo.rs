//! How code on a machine becomes root.

/// Becomes root, unless it is root already and nobody asked for a sudo of his own.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// A line of shell code that defines the function `as_root`, which runs its arguments.
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
}
