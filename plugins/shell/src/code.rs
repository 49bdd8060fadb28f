//! The shell code that runs on the instance.

use shell_words::quote;

/// Becomes root, unless it is root already and nobody asked for a sudo of his own.
#[derive(Debug)]
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

    /// A line that defines `as_root`.
    fn definition(&self) -> String {
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

/// Where things lie on the instance.
#[derive(Debug)]
pub struct Places<'a> {
    /// `root_path`.
    pub root: &'a str,
    /// The file that a script declares its changes in.
    pub changes: &'a str,
}

/// Takes old data away and makes `root_path`.
pub fn clean(places: &Places<'_>, sudo: &Sudo) -> String {
    let data = format!("{}/data", places.root);
    format!(
        "{}\nas_root rm -rf {} {}\nmkdir -p {} || exit",
        sudo.definition(),
        quote(&data),
        quote(places.changes),
        quote(places.root)
    )
}

/// Runs `work` and prints the changes it declared between two lines `mark`; ends as `work` did.
pub fn run(places: &Places<'_>, sudo: &Sudo, work: &str, mark: &str) -> String {
    let changes = quote(places.changes);
    format!(
        "{}\n{work}\ncode=$?\nif [ -f {changes} ]; then\n\
         echo {mark}; cat {changes} 2>/dev/null || as_root cat {changes}; echo {mark}\nfi\n\
         exit $code",
        sudo.definition()
    )
}

/// The work of a script that was uploaded to `path`.
pub fn script(path: &str, arguments: &str) -> String {
    let path = quote(path);
    format!("as_root chmod +x {path} && as_root {path} {arguments}")
}

/// The work of the user's own code, which may exit or not even be well-formed. As in Test Kitchen,
/// it does without sudo and without data.
pub fn command(places: &Places<'_>, code: &str) -> String {
    format!(
        "rm -f {}\nmkdir -p {} || exit\nsh -c {}",
        quote(places.changes),
        quote(places.root),
        quote(code)
    )
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
