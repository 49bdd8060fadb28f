//! Just enough XML to write: elements, attributes, text.

use std::borrow::Cow;

/// A document that grows.
#[derive(Debug)]
pub struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// An empty document.
    pub fn new() -> Self {
        Self {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(),
            open: Vec::new(),
        }
    }

    /// Begins an element; what comes next is in it.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.begin(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
    }

    /// An element with text in it, or with nothing.
    pub fn leaf(&mut self, name: &'static str, attributes: &[(&str, &str)], content: &str) {
        self.begin(name, attributes);
        if content.is_empty() {
            self.text.push_str("/>\n");
            return;
        }
        self.text.push('>');
        self.text.push_str(&escaped(content));
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// The whole document; what is open is closed.
    pub fn end(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            // A parser makes blanks of these otherwise.
            let value = escaped(value).replace('\n', "&#10;").replace('\t', "&#9;");
            self.text.push_str(&value);
            self.text.push('"');
        }
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.open.len()));
    }
}

/// Text for XML and HTML: markup is escaped, characters that XML 1.0 does not have are left out.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let odd = |c: char| matches!(c, '<' | '>' | '&' | '"' | '\'') || !allowed(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if allowed(other) => escaped.push(other),
            _ => {}
        }
    }
    Cow::Owned(escaped)
}

fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_from_text_and_attributes() {
        let mut xml = Xml::new();
        xml.open("a", &[("b", "\"><c d='&'\n")]);
        xml.leaf("e", &[], "</e><script>\u{0}\u{1b}[31m\u{fffe}]]>");
        xml.leaf("f", &[("g", "")], "");
        let text = xml.end();
        let body = text.split_once("?>\n").map(|(_, body)| body);
        assert_eq!(
            body,
            Some(
                "<a b=\"&quot;&gt;&lt;c d=&#39;&amp;&#39;&#10;\">\n  \
                 <e>&lt;/e&gt;&lt;script&gt;[31m]]&gt;</e>\n  <f g=\"\"/>\n</a>\n"
            )
        );
    }
}
