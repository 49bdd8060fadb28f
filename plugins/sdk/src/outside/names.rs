//! Names that come from labels, tags, arguments of processes, messages of plugins, or files that
//! others may write. They become values of these types by one parser: what cannot be a name of this
//! program's is none of its names, and no such name leads out of a directory that it is joined to.

use std::fmt;

use serde::Deserialize;

use crate::Identity;

/// Longest name, in bytes: what file systems take, less room for an ending such as `.lock`.
pub const LONGEST: usize = 240;
/// How much of a refused name an error shows, in characters.
const SHOWN: usize = 60;

/// A text that is no name, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no {what}: {why}")]
pub struct NotAName {
    /// What it should name.
    pub what: &'static str,
    /// The text, shortened.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Whether a character may harm who reads a text: controls (line breaks, NUL, escapes), and
/// characters that turn the direction of text or break lines without being controls.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident: $what:literal, $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// The name that `text` is.
            pub fn parse(text: impl Into<String>) -> Result<Self, NotAName> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(why) => Err(NotAName {
                        what: $what,
                        name: text.chars().take(SHOWN).collect(),
                        why,
                    }),
                }
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// Stable name of a project: ASCII letters, digits, `-`, `_` and `.`.
    ProjectId: "id of a project", is_id;
    /// Id of a run: ASCII letters, digits, `-`, `_` and `.`.
    RunId: "id of a run", is_id;
    /// Name of a cluster; it is also the name of a file.
    ClusterName: "name of a cluster", is_file_name;
    /// Name of an instance; it is also the name of a file.
    InstanceName: "name of an instance", is_file_name;
    /// Name of a suite or a platform; `/` may stand in it.
    PartName: "name of a suite or platform", is_part;
}

fn is_id(text: &str) -> Result<(), &'static str> {
    is_file_name(text)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.chars().all(fits) {
        true => Ok(()),
        false => Err("it holds more than letters, digits, `-`, `_` and `.`"),
    }
}

fn is_file_name(text: &str) -> Result<(), &'static str> {
    is_text(text)?;
    if text.contains(['/', '\\']) {
        return Err("it is a path");
    }
    // A colon is part of a path on Windows alone.
    if cfg!(windows) && text.contains(':') {
        return Err("it is a path");
    }
    match text.starts_with('.') {
        true => Err("it begins with a dot"),
        false => Ok(()),
    }
}

fn is_part(text: &str) -> Result<(), &'static str> {
    is_text(text)?;
    let outside = |part: &str| part.is_empty() || part == "." || part == "..";
    match text.split(['/', '\\']).any(outside) {
        true => Err("it is a path that leads elsewhere"),
        false => Ok(()),
    }
}

fn is_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > LONGEST {
        return Err("it is too long");
    }
    match text.chars().any(is_harmful) {
        true => Err("it holds a control character"),
        false => Ok(()),
    }
}

/// What labels claim: an [`Identity`] before anybody has looked at it. Empty is what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Claim {
    /// The project.
    pub project: String,
    /// The cluster.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The instance; empty for what the members of a cluster share.
    #[serde(default)]
    pub instance: String,
    /// The suite.
    #[serde(default)]
    pub suite: String,
    /// The platform.
    #[serde(default)]
    pub platform: String,
    /// The run.
    #[serde(default)]
    pub run: String,
}

impl Claim {
    /// Whose a resource with these labels is; an error where this program cannot have written them.
    pub fn identity(self) -> Result<Identity, NotAName> {
        fn some<T: Into<String>>(
            text: String,
            parse: impl FnOnce(String) -> Result<T, NotAName>,
        ) -> Result<String, NotAName> {
            match text.is_empty() {
                true => Ok(text),
                false => parse(text).map(Into::into),
            }
        }
        let cluster = self.cluster.filter(|cluster| !cluster.is_empty());
        Ok(Identity {
            project: ProjectId::parse(self.project)?.into(),
            cluster: match cluster {
                Some(cluster) => Some(ClusterName::parse(cluster)?.into()),
                None => None,
            },
            instance: some(self.instance, InstanceName::parse)?,
            suite: some(self.suite, PartName::parse)?,
            platform: some(self.platform, PartName::parse)?,
            run: some(self.run, RunId::parse)?,
        })
    }
}

impl From<Identity> for Claim {
    fn from(it: Identity) -> Self {
        Self {
            project: it.project,
            cluster: it.cluster,
            instance: it.instance,
            suite: it.suite,
            platform: it.platform,
            run: it.run,
        }
    }
}

impl TryFrom<Claim> for Identity {
    type Error = NotAName;

    fn try_from(claim: Claim) -> Result<Self, NotAName> {
        claim.identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WICKED: [&str; 12] = [
        "",
        ".",
        "..",
        "../up",
        "/etc",
        "a/../../b",
        "a\\..\\b",
        "a\nb",
        "a\0b",
        "\u{1b}[2J",
        "x\u{202e}y",
        ".hidden",
    ];

    #[test]
    fn wicked_names_are_none() {
        for name in WICKED {
            assert!(InstanceName::parse(name).is_err(), "{name:?}");
            assert!(ClusterName::parse(name).is_err(), "{name:?}");
            assert!(ProjectId::parse(name).is_err(), "{name:?}");
            assert!(RunId::parse(name).is_err(), "{name:?}");
        }
        assert!(InstanceName::parse("x".repeat(LONGEST + 1)).is_err());
        assert!(PartName::parse("a/../../b").is_err());
    }

    #[test]
    fn the_names_of_this_program_are_names() {
        for name in [
            "web1-centos-7",
            "größe-host",
            "a b",
            "x".repeat(LONGEST).as_str(),
        ] {
            assert_eq!(InstanceName::parse(name).unwrap().as_str(), name);
        }
        assert!(PartName::parse("apps/web_1.2").is_ok());
        assert!(RunId::parse("0193b0b2-5d5e-4a1c-9f0a-3f2d6a7b8c9d").is_ok());
        assert!(ProjectId::parse("d74981efa70a0c88").is_ok());
    }

    #[test]
    fn one_wicked_label_makes_the_claim_worthless() {
        let claim = || Claim {
            project: "p1".into(),
            cluster: Some("web-host".into()),
            instance: "web1-host".into(),
            suite: "web1".into(),
            platform: "host".into(),
            run: "r1".into(),
        };
        assert_eq!(
            claim().identity().unwrap().cluster.as_deref(),
            Some("web-host")
        );
        for at in 0..6 {
            let mut claim = claim();
            let wicked = || "../../../etc".to_owned();
            match at {
                0 => claim.project = wicked(),
                1 => claim.cluster = Some(wicked()),
                2 => claim.instance = wicked(),
                3 => claim.suite = wicked(),
                4 => claim.platform = wicked(),
                _ => claim.run = wicked(),
            }
            assert!(claim.identity().is_err(), "field {at}");
        }
    }

    #[test]
    fn an_error_shows_no_control_character_and_no_long_name() {
        let long = format!("\u{1b}[2J{}", "x".repeat(1000));
        let error = InstanceName::parse(long).unwrap_err().to_string();
        assert!(
            error.len() < 200 && !error.chars().any(is_harmful),
            "{error}"
        );
    }
}
