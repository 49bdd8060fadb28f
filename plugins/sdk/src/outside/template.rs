//! Handlebars templates of users: how deep they may be. The engine follows nested blocks and
//! partials on the stack, and a stack that overflows ends the program at once, with machines left
//! behind.

/// Deepest nesting of blocks, and longest chain of `{{else if}}`.
pub const DEEPEST: usize = 100;
/// Deepest nesting of parentheses, brackets and braces between the begin of one tag and the next.
const DEEPEST_EXPRESSION: usize = 50;

/// Says why `template` cannot be rendered safely; to be asked before the engine sees it.
pub fn check(template: &str) -> Result<(), String> {
    let mut open: Vec<Block> = Vec::new();
    // What stands before the first tag is text.
    for piece in template.split("{{").skip(1) {
        // Braces of a tag may also end a literal in it: nobody here knows where the tag ends.
        if deepest_brackets(piece) > DEEPEST_EXPRESSION {
            return Err(format!(
                "an expression is nested more than {DEEPEST_EXPRESSION} deep"
            ));
        }
        let tag = piece.trim_start_matches(|c: char| c.is_whitespace() || c == '~' || c == '{');
        let defined = open.iter().any(|block| block.defines);
        if let Some(opened) = tag.strip_prefix('#') {
            if defined && opened.trim_start().starts_with('>') {
                return Err(calls());
            }
            open.push(Block {
                defines: opened.trim_start().starts_with('*'),
                chain: 0,
            });
        } else if tag.starts_with('^') && tag.len() > 1 {
            open.push(Block::default());
        } else if tag.starts_with('/') {
            open.pop();
        } else if tag.starts_with("else") {
            if let Some(block) = open.last_mut() {
                block.chain += 1;
            }
        } else if defined && tag.starts_with('>') {
            return Err(calls());
        }
        let depth: usize = open.iter().map(|block| 1 + block.chain).sum();
        if depth > DEEPEST {
            return Err(format!("its blocks are nested more than {DEEPEST} deep"));
        }
    }
    Ok(())
}

/// A block that is open.
#[derive(Default)]
struct Block {
    /// It defines a partial (`{{#*inline "name"}}`).
    defines: bool,
    /// So many `else` so far.
    chain: usize,
}

fn calls() -> String {
    "a partial that it defines calls a partial, which may have no end".into()
}

fn deepest_brackets(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for letter in text.bytes() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_templates_are_refused_and_usual_ones_are_not() {
        let nested = |count: usize, open: &str, close: &str| {
            format!("{}x{}", open.repeat(count), close.repeat(count))
        };
        for (open, close) in [
            ("{{#if a}}", "{{/if}}"),
            ("{{ #if a}}", "{{/if}}"),
            ("{{~#each a}}", "{{~/each}}"),
            ("{{^a}}", "{{/a}}"),
            ("{{#if a}}{{else if b}}", "{{/if}}"),
        ] {
            let error = check(&nested(20_000, open, close)).unwrap_err();
            assert!(error.contains("nested more than"), "{open}: {error}");
            assert_eq!(check(&nested(20, open, close)), Ok(()), "{open}");
        }
        let chain = format!(
            "{{{{#if a}}}}{}{{{{/if}}}}",
            "{{else if b}}x".repeat(20_000)
        );
        assert!(check(&chain).is_err());
        let side_by_side = "{{#if a}}x{{else}}y{{/if}}".repeat(20_000);
        assert_eq!(check(&side_by_side), Ok(()));
        for (open, close) in [("(a ", ")"), ("[", "]"), ("{\"a\":", "}")] {
            let tag = format!("{{{{x {}1{}}}}}", open.repeat(20_000), close.repeat(20_000));
            assert!(check(&tag).is_err(), "{open}");
        }
    }

    #[test]
    fn partials_that_call_each_other_are_refused() {
        for text in [
            "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}",
            "{{#*inline \"a\"}}{{> b}}{{/inline}}{{#*inline \"b\"}}{{~> a}}{{/inline}}{{> a}}",
            "{{#*inline \"a\"}}{{#> b}}{{/b}}{{/inline}}{{> a}}",
            "{{# *inline \"a\"}}{{#if x}}{{ >a}}{{/if}}{{/inline}}{{> a}}",
        ] {
            assert!(check(text).unwrap_err().contains("no end"), "{text}");
        }
        assert_eq!(
            check("{{#*inline \"a\"}}x{{/inline}}{{> a}}{{> a}}"),
            Ok(())
        );
    }
}
