//! Marks in the text of a template that Ruby renders, so that the lines of what it renders are known
//! to come from lines of the template.

use std::borrow::Cow;

use super::template::Program;

/// Begins the number of a line; private characters that no configuration uses.
const LINE: char = '\u{f8f1}';
/// Ends it.
const LINE_END: char = '\u{f8f2}';

/// `template` with its line's number at the start of each text and of each of its lines. Without
/// marks where they could be seen: code that works on the text that is rendered so far.
pub fn marked(template: &str) -> Cow<'_, str> {
    if template.contains([LINE, LINE_END]) || template.contains("_erbout") {
        return template.into();
    }
    let mut out = String::with_capacity(template.len() * 2);
    let (mut at, mut line) = (0, 1);
    let lines = |text: &str| text.matches('\n').count();
    for range in Program::new(template).written {
        out.push_str(&template[at..range.start]);
        line += lines(&template[at..range.start]);
        at = range.end;
        for piece in template[range].split_inclusive('\n') {
            out.push_str(&format!("{LINE}{line}{LINE_END}{piece}"));
            line += lines(piece);
        }
        // A tag may begin the next line.
        if out.ends_with('\n') {
            out.push_str(&format!("{LINE}{line}{LINE_END}"));
        }
    }
    out.push_str(&template[at..]);
    out.into()
}

/// The text without marks, and for each of its lines the line of the template; empty where there
/// were no marks.
pub fn unmarked(rendered: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(rendered.len());
    let mut lines = Vec::new();
    let (mut line, mut begun, mut marks) = (1, false, false);
    let mut pieces = rendered.split(LINE);
    let first = pieces.next().unwrap_or_default();
    let numbered = pieces.map(|piece| match piece.split_once(LINE_END) {
        Some((number, rest)) => (number.parse().ok(), rest),
        None => (None, piece),
    });
    for (number, piece) in std::iter::once((None, first)).chain(numbered) {
        marks |= number.is_some();
        line = number.unwrap_or(line);
        for part in piece.split_inclusive('\n') {
            if !begun {
                lines.push(line);
            }
            begun = !part.ends_with('\n');
        }
        text.push_str(piece);
    }
    match marks {
        true => (text, lines),
        false => (text, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_change_nothing_but_tell_lines() {
        let template = "a:\n<% x.each do |y| %>\n- <%= y %> <%% z\n<% end\n%>b\n<%= z %>c";
        let marked = marked(template);
        let tags: Vec<_> = marked.match_indices("<%").collect();
        assert_eq!(tags.len(), 5);
        let (text, lines) = unmarked(&marked);
        assert_eq!(text, template, "marks are taken out");
        assert_eq!(lines, [1, 2, 3, 4, 4, 6], "a line within a tag is no text");
    }

    #[test]
    fn what_is_rendered_knows_its_lines() {
        let mark = |line: usize| format!("{LINE}{line}{LINE_END}");
        let rendered = format!(
            "{}a:\n{}{}\n{}- x\ny\n{}\n{}b",
            mark(1),
            mark(2),
            mark(2),
            mark(3),
            mark(2),
            mark(5)
        );
        let (text, lines) = unmarked(&rendered);
        assert_eq!(text, "a:\n\n- x\ny\n\nb");
        assert_eq!(lines, [1, 2, 3, 3, 2, 5]);
        assert_eq!(unmarked("a\nb"), ("a\nb".into(), vec![]));
    }

    #[test]
    fn code_that_sees_the_text_is_left_alone() {
        assert_eq!(marked("a <% _erbout << 'x' %>"), "a <% _erbout << 'x' %>");
    }
}
