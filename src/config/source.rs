//! The text of one file and places in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use banquet_sdk::Origin;
use miette::{MietteError, SourceCode, SourceSpan, SpanContents};

/// A file of the configuration as it was parsed (after templates were rendered).
#[derive(Debug)]
pub struct Source {
    /// Absolute path.
    pub path: Arc<PathBuf>,
    /// The path as a person reads it: relative to the project where it lies below it.
    pub shown: String,
    /// The text.
    pub text: String,
    /// For each line of the text, the line of the file that it comes from, counted from 1; empty
    /// where they are the same.
    pub lines: Vec<usize>,
}

impl Source {
    /// The text of `path`, shown relative to `root`.
    pub fn new(path: &Path, root: &Path, text: String) -> Arc<Self> {
        let shown = path.strip_prefix(root).unwrap_or(path);
        Arc::new(Self {
            path: Arc::new(path.to_path_buf()),
            shown: shown.display().to_string(),
            text,
            lines: Vec::new(),
        })
    }

    /// The line of the file that a line of the text comes from; both count from 1.
    pub fn line(&self, line: usize) -> usize {
        let known = self.lines.get(line.saturating_sub(1)).or(self.lines.last());
        known.copied().unwrap_or(line)
    }

    /// The first line of the text that comes from a line of the file; both count from 1.
    fn line_of_text(&self, line: usize) -> usize {
        let found = self.lines.iter().position(|known| *known == line);
        found.map_or(line, |index| index + 1)
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        Ok(Box::new(
            miette::MietteSpanContents::new_named(
                self.shown.clone(),
                contents.data(),
                *contents.span(),
                self.line(contents.line() + 1) - 1,
                contents.column(),
                contents.line_count(),
            )
            .with_language("YAML"),
        ))
    }
}

/// A piece of a file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The piece.
    pub span: Span,
}

impl Place {
    /// File, line and column for people: `kitchen.yml:9:14`.
    pub fn shown(&self) -> String {
        let Span { line, column, .. } = self.span;
        format!("{}:{line}:{column}", self.source.shown)
    }

    /// Line and column for a plugin or a report.
    pub fn origin(&self) -> Origin {
        self.span.origin(&self.source)
    }
}

/// Position of a key or value in its file. Bytes count from 0, lines and columns from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Index of the file in [`Sources`].
    pub file: u16,
    /// First byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}

impl Span {
    /// `len` bytes from byte `start` of a text that is no file of [`Sources`] yet.
    pub fn at_byte(text: &str, start: usize, len: usize) -> Self {
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            file: 0,
            start: small(start),
            len: small(len),
            line: small(before.matches('\n').count() + 1),
            column: small(before[line_start..].chars().count() + 1),
        }
    }

    /// Line and column in `source`.
    pub fn origin(&self, source: &Source) -> Origin {
        Origin {
            file: source.path.clone(),
            line: self.line as usize,
            column: self.column as usize,
        }
    }
}

/// Files are far smaller than 4 GiB.
pub(super) fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// All files that were read, in the order global, project, local.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Arc<Source>>);

impl Sources {
    /// Keeps a file; the answer is its index in spans.
    pub fn add(&mut self, source: Arc<Source>) -> u16 {
        self.0.push(source);
        u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX)
    }

    /// The files.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.0.iter()
    }

    /// The file and piece of `span`; none for values that no file gave.
    pub fn place(&self, span: Span) -> Option<Place> {
        let source = self.0.get(usize::from(span.file))?.clone();
        (span.line > 0).then_some(Place { source, span })
    }

    /// Line and column of `span`; none for values that no file gave.
    pub fn origin(&self, span: Span) -> Option<Origin> {
        let source = self.0.get(usize::from(span.file))?;
        (span.line > 0).then(|| span.origin(source))
    }

    /// The word at `origin`, so that an excerpt can show it.
    pub fn locate(&self, origin: &Origin) -> Option<Span> {
        let index = self
            .0
            .iter()
            .position(|source| source.path == origin.file)?;
        let source = &self.0[index];
        let text = &source.text;
        let line_start: usize = text
            .split_inclusive('\n')
            .take(source.line_of_text(origin.line).saturating_sub(1))
            .map(str::len)
            .sum();
        let line = text[line_start..].lines().next().unwrap_or_default();
        let (start, _) = line.char_indices().nth(origin.column.saturating_sub(1))?;
        let len = line[start..]
            .find(char::is_whitespace)
            .unwrap_or(line.len() - start);
        Some(Span {
            file: u16::try_from(index).ok()?,
            start: small(line_start + start),
            len: small(len),
            line: small(origin.line),
            column: small(origin.column),
        })
    }
}
