//! What expressions may name at a place of the configuration.

use std::sync::Arc;

use crate::config::nearest;
use crate::matrix::{Cluster, Instance};

/// What is known of every member.
pub const FACTS: [&str; 6] = [
    "suite", "instance", "platform", "hostname", "address", "roles",
];
/// What is known of the cluster.
pub const CLUSTER: [&str; 3] = ["name", "platform", "multisuite"];
/// What is known of a suite and of a platform.
const NAME: [&str; 1] = ["name"];

/// What kind of thing a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everything that can be named.
    Root,
    /// `peers`: the members by suite, and `role`.
    Peers,
    /// `peers.role`: lists of members by role.
    Roles,
    /// The members of a role.
    Members,
    /// One member.
    Member,
    /// `cluster`.
    Cluster,
    /// `suite` or `platform`.
    Named,
    /// A list of texts.
    Texts,
    /// Text.
    Text,
}

/// What can be named at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The suites of the cluster's members; none outside of a cluster.
    pub members: Arc<Vec<String>>,
    /// The roles that any of them has.
    pub roles: Arc<Vec<String>>,
    /// Whether it is a place of a cluster.
    pub in_cluster: bool,
    /// Whether the value is one member's: then there are `instance` and `suite`.
    pub of_member: bool,
    /// Whether it is in a turn of `rolling`: then there is `member`.
    pub rolling: bool,
}

/// A word of a path that names nothing.
pub struct Unknown {
    /// What is wrong, as a clause.
    pub reason: String,
    /// What to do, as sentences.
    pub help: String,
    /// Whether a cluster is asked for where there is none.
    pub outside: bool,
}

impl Unknown {
    pub fn new(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            help: help.into(),
            outside: false,
        }
    }

    fn among<'a>(
        reason: String,
        wrong: &str,
        what: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(wrong, known.iter().copied());
        let near = near.map(|near| format!("Did you mean `{near}`? "));
        let all = match known.is_empty() {
            true => format!("There are no {what}."),
            false => format!("The {what} are {}.", known.join(", ")),
        };
        Self::new(reason, near.unwrap_or_default() + &all)
    }
}

impl Names {
    /// What values of `cluster` may name: those of `member`, or of the workstation.
    pub fn of(cluster: Option<&Cluster>, member: Option<&Instance>, rolling: bool) -> Self {
        let (members, roles) = cluster.map(Cluster::names).unwrap_or_default();
        Self {
            members,
            roles,
            in_cluster: cluster.is_some(),
            of_member: member.is_some(),
            rolling: rolling && member.is_some(),
        }
    }

    /// Whether an expression that begins with `path` is ours: a word of ours, a dot, and a fact. A
    /// fact that is nearly spelt right is taken for ours, so that it is told of.
    pub fn owns(&self, path: &str) -> bool {
        let Some((word, rest)) = path.split_once('.') else {
            return false;
        };
        let facts: &[&str] = match word {
            "peers" => return true,
            "cluster" => &CLUSTER,
            "instance" => &FACTS,
            "suite" | "platform" => &NAME,
            // In a cluster outside of `rolling` it is told of: as text it would test something else.
            "member" if self.in_cluster => &FACTS,
            _ => return false,
        };
        let fact = rest.split(['.', '/', '[']).next().unwrap_or_default();
        nearest(fact, facts.iter().copied()).is_some()
    }

    /// Whether `path` begins with a word of ours and goes on.
    pub fn begins(path: &str) -> bool {
        let word = path.split_once('.').map(|(word, _)| word);
        word.is_some_and(|it| {
            [
                "peers", "cluster", "instance", "suite", "platform", "member",
            ]
            .contains(&it)
        })
    }

    /// What `word` leads to from a thing of `shape`.
    pub fn step(&self, shape: Shape, word: &str) -> Result<Shape, Unknown> {
        match shape {
            Shape::Root => self.root(word),
            Shape::Peers => self.peer(word),
            Shape::Roles if self.roles.iter().any(|role| role == word) => Ok(Shape::Members),
            Shape::Roles => Err(Unknown::among(
                format!("no member has the role `{word}`"),
                word,
                "roles",
                self.roles.iter().map(String::as_str),
            )),
            Shape::Members if is_number(word) => Ok(Shape::Member),
            Shape::Texts if is_number(word) => Ok(Shape::Text),
            Shape::Members | Shape::Texts => Err(Unknown::new(
                format!("a list has no `{word}`"),
                "Go through it: `{{#each peers.role.ROLE}}{{this.address}} {{/each}}`.",
            )),
            Shape::Member => match word {
                "roles" => Ok(Shape::Texts),
                _ if FACTS.contains(&word) => Ok(Shape::Text),
                _ => Err(unknown_fact("a member", word, &FACTS)),
            },
            Shape::Cluster if CLUSTER.contains(&word) => Ok(Shape::Text),
            Shape::Cluster => Err(unknown_fact("a cluster", word, &CLUSTER)),
            Shape::Named if word == "name" => Ok(Shape::Text),
            Shape::Named => Err(unknown_fact("this", word, &NAME)),
            Shape::Text => Err(Unknown::new(
                format!("a text has no `{word}`"),
                "Leave out what is behind the fact.",
            )),
        }
    }

    fn root(&self, word: &str) -> Result<Shape, Unknown> {
        let no_member = || {
            Unknown::new(
                format!("`{word}` is known only where a value belongs to one member"),
                "Name the member: `peers.SUITE.FACT`.",
            )
        };
        match word {
            "peers" | "cluster" if !self.in_cluster => Err(Unknown {
                outside: true,
                ..Unknown::new(
                    "the instance belongs to no cluster",
                    "Put the value into a suite or step of a multisuite.",
                )
            }),
            "peers" => Ok(Shape::Peers),
            "cluster" => Ok(Shape::Cluster),
            "platform" if self.in_cluster || self.of_member => Ok(Shape::Named),
            "suite" if self.of_member => Ok(Shape::Named),
            "instance" if self.of_member => Ok(Shape::Member),
            "member" if self.rolling => Ok(Shape::Member),
            "instance" | "suite" | "platform" => Err(no_member()),
            "member" => Err(Unknown::new(
                "`member` is known in `rolling` alone",
                "Name the member: `peers.SUITE.FACT`.",
            )),
            _ => Err(Unknown::among(
                format!("there is no `{word}`"),
                word,
                "words",
                [
                    "peers", "cluster", "instance", "suite", "platform", "member",
                ],
            )),
        }
    }

    fn peer(&self, word: &str) -> Result<Shape, Unknown> {
        if self.members.iter().any(|suite| suite == word) {
            return Ok(Shape::Member);
        }
        if word == "role" {
            return Ok(Shape::Roles);
        }
        Err(Unknown::among(
            format!("the cluster has no member `{word}`"),
            word,
            "members",
            self.members.iter().map(String::as_str),
        ))
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

fn unknown_fact(of: &str, word: &str, facts: &[&str]) -> Unknown {
    let reason = format!("{of} has no fact `{word}`");
    Unknown::among(reason, word, "facts", facts.iter().copied())
}
