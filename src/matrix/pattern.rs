//! Regular expressions of the command line and of the configuration, in the subset that Ruby's and
//! this program's engine have in common, and Ruby's words for what is wrong with one.

use std::error::Error as _;

use fancy_regex::{CompileError, Error, ParseError, Regex, RegexBuilder};

/// A name, or a regular expression between slashes (lib/kitchen/platform_filter.rb).
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Matches what is called so.
    Name(String),
    /// Matches what it finds itself in.
    Regex(Box<Regex>),
}

impl Pattern {
    /// Reads `name`, `/regex/` or `/regex/ix`; an error is Ruby's.
    pub fn parse(text: &str) -> Result<Self, String> {
        match between_slashes(text) {
            None => Ok(Self::Name(text.to_owned())),
            Some((source, flags)) => Ok(Self::Regex(Box::new(regex(source, flags)?))),
        }
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Regex(regex) => regex.is_match(name).unwrap_or(false),
        }
    }
}

/// `/pattern/ix` as its two parts.
fn between_slashes(text: &str) -> Option<(&str, &str)> {
    let (inner, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    flags
        .chars()
        .all(|flag| matches!(flag, 'i' | 'x'))
        .then_some((inner, flags))
}

/// Compiles `source` with Ruby's flags `i` and `x`. The error is what Ruby says of the most common
/// mistakes (`premature end of char-class: /[/`), else the engine's.
pub fn regex(source: &str, flags: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .case_insensitive(flags.contains('i'))
        .ignore_whitespace(flags.contains('x'))
        .build()
        .map_err(|error| match mistake(source, &error) {
            Some(words) => format!("{words}: /{source}/"),
            None => format!("{error}: /{source}/"),
        })
}

/// Ruby's words (Onigmo's regerror.c) for a mistake.
fn mistake(source: &str, error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::ParseError(_, error) => match error {
            ParseError::InvalidClass if source.contains("[]") || source.contains("[^]") => {
                "empty char-class"
            }
            ParseError::InvalidClass => "premature end of char-class",
            ParseError::UnclosedOpenParen if source.ends_with("(?") => "end pattern in group",
            ParseError::UnclosedOpenParen => "end pattern with unmatched parenthesis",
            // All that can follow a whole pattern is a parenthesis that nothing opened.
            ParseError::GeneralParseError(_) => "unmatched close parenthesis",
            ParseError::TargetNotRepeatable => "target of repeat operator is not specified",
            ParseError::TrailingBackslash => "too short escape sequence",
            ParseError::UnknownFlag(_) => "undefined group option",
            ParseError::InvalidGroupName => "invalid group name <>",
            ParseError::InvalidBackref | ParseError::InvalidGroupNameBackref(_) => {
                "invalid backref number/name"
            }
            ParseError::InvalidHex => "invalid hex escape",
            _ => return None,
        },
        Error::CompileError(error) => match error.as_ref() {
            CompileError::InvalidBackref(_) => "invalid backref number/name",
            CompileError::LookBehindNotConst | CompileError::VariableLookBehindRequiresFeature => {
                "invalid pattern in look-behind"
            }
            CompileError::InnerError(error) => {
                let reason = error.source().map(ToString::to_string).unwrap_or_default();
                match reason.as_str() {
                    reason if reason.contains("invalid character class range") => {
                        "empty range in char class"
                    }
                    reason if reason.contains("Unicode property not found") => {
                        "invalid character property name"
                    }
                    _ => return None,
                }
            }
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_the_words_of_ruby() {
        for (source, words) in [
            ("[", "premature end of char-class: /[/"),
            ("[]", "empty char-class: /[]/"),
            ("[b-a]", "empty range in char class: /[b-a]/"),
            ("(a", "end pattern with unmatched parenthesis: /(a/"),
            ("(?", "end pattern in group: /(?/"),
            ("a)", "unmatched close parenthesis: /a)/"),
            (
                "*web*",
                "target of repeat operator is not specified: /*web*/",
            ),
            ("a|+", "target of repeat operator is not specified: /a|+/"),
            ("a\\", "too short escape sequence: /a\\/"),
            ("(?z)", "undefined group option: /(?z)/"),
            ("(a)\\2", "invalid backref number/name: /(a)\\2/"),
        ] {
            assert_eq!(regex(source, "").err().as_deref(), Some(words), "{source}");
        }
    }

    #[test]
    fn what_ruby_and_the_engine_have_in_common_is_found() {
        for (source, name) in [
            ("^[^-]+-ubuntu", "web-ubuntu-2204"),
            ("(?<!web)-a$", "db-a"),
            ("(?i)WEB", "web-a"),
            ("\\Aweb\\b.*\\d\\z", "web-a-7"),
            ("(?<x>a)b\\k<x>", "aba"),
            ("[[:alpha:]]++-\\h{1,3}", "web-a1"),
            ("a{,2}", "a"),
            ("(?>web|we)-a", "web-a"),
            ("a{", "a{"),
            ("(?-mix:a)", "a"),
        ] {
            let regex = regex(source, "").expect(source);
            assert!(regex.is_match(name).expect("a match"), "{source} in {name}");
        }
    }

    #[test]
    fn filters_are_names_or_expressions() {
        let matches = |text: &str, name: &str| Pattern::parse(text).expect(text).matches(name);
        assert!(matches("ubuntu-22.04", "ubuntu-22.04"));
        assert!(!matches("ubuntu", "ubuntu-22.04"));
        assert!(matches("/^UBUNTU/i", "ubuntu-22.04"));
        assert!(matches("/ ubuntu \\d? /x", "ubuntu-22.04"));
        assert!(!matches("/usr/local", "usr"));
        assert!(Pattern::parse("/[/").is_err());
    }
}
