//! A template's tags made one program, as ERB's compiler does it (no trim mode): a comment in a tag
//! swallows what follows on the line, a tag that is never closed is text.
//!
//! Marks that no source holds stand for the template's own text.

/// Begins the number of a text; the number ends with [`TEXT_END`].
pub const TEXT: char = '\u{1}';
/// Ends the number of a text.
pub const TEXT_END: char = '\u{2}';
/// Begins an expression whose value is inserted, in parentheses.
pub const INSERT: char = '\u{3}';

/// A template as one program.
#[derive(Debug, Default)]
pub struct Program {
    /// The source.
    pub source: String,
    /// The texts between the tags, with the byte of the template where each begins.
    pub texts: Vec<(String, usize)>,
    /// Bytes of the template that the texts are written in.
    pub written: Vec<std::ops::Range<usize>>,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// One tag with code. Bytes from 0.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// Where its code begins in the program.
    pub source: usize,
    /// Where its code begins in the template.
    pub code: usize,
    /// Where the tag begins in the template.
    pub start: usize,
    /// Where the tag ends in the template.
    pub end: usize,
}

/// Content that is being collected, with the byte where it began.
struct Content {
    text: String,
    start: usize,
}

impl Program {
    /// The program of `template`.
    pub fn new(template: &str) -> Self {
        let mut program = Self::default();
        let mut content = Content::at(0);
        let mut at = 0;
        while let Some(found) = template[at..].find("<%") {
            let start = at + found;
            content.text.push_str(&template[at..start]);
            let mark = template.as_bytes().get(start + 2);
            if mark == Some(&b'%') {
                content.text.push_str("<%");
                at = start + 3;
                continue;
            }
            program.text(&mut content, start);
            let kind = mark.copied().filter(|mark| b"=#".contains(mark));
            let code = start + 2 + usize::from(kind.is_some());
            let (written, end) = tag_content(template, code);
            match end {
                None => content.text = written,
                Some(end) => {
                    let tag = Tag {
                        source: 0,
                        code,
                        start,
                        end,
                    };
                    program.tag(tag, kind, &written);
                    content = Content::at(end);
                }
            }
            at = end.unwrap_or(template.len());
        }
        content.text.push_str(&template[at..]);
        program.text(&mut content, template.len());
        program
    }

    fn text(&mut self, content: &mut Content, next: usize) {
        let Content { text, start } = std::mem::replace(content, Content::at(next));
        if text.is_empty() {
            return;
        }
        let number = self.texts.len().to_string();
        self.source.extend([TEXT]);
        self.source.push_str(&number);
        self.source.extend([TEXT_END]);
        self.source.extend(text.chars().filter(|c| *c == '\n'));
        self.source.push_str("; ");
        self.texts.push((text, start));
        self.written.push(start..next);
    }

    fn tag(&mut self, mut tag: Tag, kind: Option<u8>, code: &str) {
        if kind == Some(b'=') {
            self.source.extend([INSERT, '(']);
        }
        tag.source = self.source.len();
        match kind {
            Some(b'#') => return,
            Some(_) => {
                self.source.push_str(code);
                self.source.push_str("); ");
            }
            None => match code.strip_suffix('\n') {
                Some(code) => {
                    self.source.push_str(code);
                    self.source.push('\n');
                }
                None => {
                    self.source.push_str(code);
                    self.source.push_str("; ");
                }
            },
        }
        self.tags.push(tag);
    }

    /// The tag that byte `at` of the program belongs to.
    pub fn tag_at(&self, at: usize) -> Option<&Tag> {
        let after = self.tags.partition_point(|tag| tag.source <= at);
        self.tags.get(after.saturating_sub(1))
    }

    /// The byte of the template for byte `at` of the program.
    pub fn place(&self, at: usize) -> usize {
        self.tag_at(at).map_or(0, |tag| {
            (tag.code + at.saturating_sub(tag.source)).min(tag.end)
        })
    }
}

impl Content {
    fn at(start: usize) -> Self {
        let text = String::new();
        Self { text, start }
    }
}

/// What a tag holds whose code begins at `code`, and the byte behind the tag if it is ever closed.
fn tag_content(template: &str, code: usize) -> (String, Option<usize>) {
    let mut written = String::new();
    let mut at = code;
    while let Some(found) = template[at..].find("%>") {
        let end = at + found;
        if template[at..end].ends_with('%') {
            written.push_str(&template[at..end - 1]);
            written.push_str("%>");
            at = end + 2;
            continue;
        }
        written.push_str(&template[at..end]);
        return (written, Some(end + 2));
    }
    written.push_str(&template[at..]);
    (written, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_tags_become_one_program() {
        let program = Program::new("a\n<% if x %>b<%= y %><% end\n%>\n");
        assert_eq!(
            program.source,
            "\u{1}0\u{2}\n;  if x ; \u{1}1\u{2}; \u{3}( y );  end\n\u{1}2\u{2}\n; "
        );
        assert_eq!(program.texts[1], ("b".into(), 12));
        let y = program.source.find('y').unwrap();
        assert_eq!(program.place(y), 17);
        assert_eq!(
            program.tag_at(y).map(|tag| (tag.start, tag.end)),
            Some((13, 21))
        );
    }

    #[test]
    fn doubled_marks_are_text_and_comments_vanish() {
        let texts = |template: &str| -> String {
            let program = Program::new(template);
            program.texts.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(texts("<%% x %> %%> <%# gone %>!"), "<% x %> %%> !");
        assert_eq!(texts("a <% never closed"), "a  never closed");
        assert!(Program::new("<% '%%>' %>").source.starts_with(" '%>' ; "));
    }
}
