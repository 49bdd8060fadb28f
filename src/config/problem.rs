//! What is wrong with a configuration, for people: message, excerpt of the file, what to do.

use std::fmt;
use std::sync::Arc;

use banquet_sdk::{Origin, wording};
use miette::{Diagnostic, LabeledSpan, SourceCode};

pub use miette::Severity;

use super::source::{Place, Source, Sources, Span};

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// Whether it stops everything.
    pub severity: Severity,
    /// What to do about it, a sentence.
    pub help: Option<String>,
    /// Where it is, and further places of the same file, each with a word about it.
    pub places: Vec<(Place, String)>,
}

impl Problem {
    /// Something that stops everything.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            message: wording::without_numbers(&message.into()).into_owned(),
            severity: Severity::Error,
            help: None,
            places: Vec::new(),
        }
    }

    /// Something that a person should know; an error when checks are strict.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// Points at `span`, with a word about it.
    #[must_use]
    pub fn at(mut self, sources: &Sources, span: Span, label: impl Into<String>) -> Self {
        if let Some(place) = sources.place(span) {
            match self.places.first() {
                Some((first, _)) if first.source.path != place.source.path => {
                    let also = format!("{}: {}.", place.origin(), label.into());
                    self.help = Some(match self.help.take() {
                        Some(help) => format!("{help} See {also}"),
                        None => format!("See {also}"),
                    });
                }
                _ => self.places.push((place, label.into())),
            }
        }
        self
    }

    /// Points at `span` of a file that is not among the configuration's yet.
    #[must_use]
    pub fn in_source(mut self, source: Arc<Source>, span: Span, label: &str) -> Self {
        self.places.push((Place { source, span }, label.into()));
        self
    }

    /// Points at the word at `origin`.
    #[must_use]
    pub fn at_origin(self, sources: &Sources, origin: &Origin, label: impl Into<String>) -> Self {
        match sources.locate(origin) {
            Some(span) => self.at(sources, span, label),
            None => self,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which of `known` the user may have meant, where one is near, else lists them.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(wrong, known.iter().copied()) {
            Some(near) => self.help(format!("Did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("Known are: {}.", known.join(", "))),
        }
    }

    /// File, line and column, where known.
    pub fn place(&self) -> Option<&Place> {
        self.places.first().map(|(place, _)| place)
    }

    fn source(&self) -> Option<&Arc<Source>> {
        self.place().map(|place| &place.source)
    }
}

/// The known word that is nearest to `wrong`, if any is near enough to be meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(wrong, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source().map(|source| source.as_ref() as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.places.iter().map(|(place, label)| {
            let label = (!label.is_empty()).then(|| label.clone());
            LabeledSpan::new(label, place.span.start as usize, place.span.len as usize)
        });
        (!self.places.is_empty()).then(|| Box::new(labels) as _)
    }
}

/// Everything that keeps a configuration from being used; at least one problem.
#[derive(Clone, Debug)]
pub struct Error {
    /// The problems, in the order of the files.
    pub problems: Vec<Problem>,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => one.fmt(f),
            many => write!(f, "{} problems in the configuration", many.len()),
        }
    }
}

impl std::error::Error for Error {}

impl Diagnostic for Error {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (self.problems.len() > 1).then(|| {
            Box::new(
                self.problems
                    .iter()
                    .map(|problem| problem as &dyn Diagnostic),
            ) as _
        })
    }
}

impl Error {
    fn only(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

/// Problems found so far, so that all are told at once.
#[derive(Debug, Default)]
pub struct Problems {
    /// In the order in which they were found.
    pub list: Vec<Problem>,
}

impl Problems {
    /// Notes one.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// The warnings, or all problems as an error where one of them is one, or `strict` and any is.
    pub fn finish(mut self, strict: bool) -> Result<Vec<Problem>, Error> {
        if strict {
            for problem in &mut self.list {
                problem.severity = Severity::Error;
            }
        }
        let fatal = |problem: &Problem| problem.severity == Severity::Error;
        if self.list.iter().any(fatal) {
            self.list.sort_by_key(|problem| {
                problem
                    .place()
                    .map(|place| (place.span.file, place.span.line, place.span.column))
            });
            return Err(Error {
                problems: self.list,
            });
        }
        Ok(self.list)
    }
}
