//! Calls of `kitchen` in the text of a script, in any language that people write such scripts in:
//! found by their words, with the loops and the variables of shell, make and Ruby around them.

use std::ops::Range;
use std::sync::LazyLock;

use fancy_regex::Regex;

type Captures<'t> = fancy_regex::Captures<'t, str>;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Line, from 1.
    pub line: usize,
    /// `create`, `converge`, `setup`, `verify`, `destroy`, `test` or `exec`.
    pub action: String,
    /// A name or regular expression.
    pub argument: String,
    /// The command of `exec`.
    pub command: Option<String>,
}

/// A constant pattern, compiled once; none cannot be, which a test sees.
macro_rules! pattern {
    ($text:literal) => {{
        static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
        PATTERN.as_ref()
    }};
}

/// The calls in a text, in the order in which they happen; those in comments are left out, and
/// those whose argument only the script itself knows. A `test` counts where it keeps its machine.
pub fn calls(text: &str) -> Vec<Call> {
    let code = without_comments(text);
    let loops = loops(&code);
    let mut found = Vec::new();
    let mut seen = 0;
    for captures in all(call_pattern(), &code) {
        let at = range(&captures, 0);
        if at.start < seen {
            continue;
        }
        match loops.iter().find(|it| it.body.contains(&at.start)) {
            None => found.extend(call(&captures, &code, &[])),
            // A loop's calls happen once for each of its values.
            Some(around) => {
                seen = around.body.end;
                found.extend(around.calls(&code));
            }
        }
    }
    found
}

/// A call: its action, and what follows it.
fn call_pattern() -> Option<&'static Regex> {
    pattern!(
        r#"\bkitchen(?:["']\s*,\s*["']|[ \t]+)(create|converge|setup|verify|destroy|test|exec)\b([^&|;)`\n]*)"#
    )
}

fn all<'t>(pattern: Option<&Regex>, text: &'t str) -> Vec<Captures<'t>> {
    let matches = pattern
        .into_iter()
        .flat_map(|pattern| pattern.captures_iter(text));
    matches.filter_map(Result::ok).collect()
}

fn range(captures: &Captures<'_>, group: usize) -> Range<usize> {
    captures.get(group).map_or(0..0, |found| found.range())
}

fn part<'t>(captures: &Captures<'t>, group: usize) -> &'t str {
    captures.get(group).map_or("", |found| found.as_str())
}

/// The text with comments as blanks and continued lines as one: every byte stays in its place.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        if start.starts_with('#') || start.starts_with("//") {
            let blanks = line.trim_end_matches('\n').len();
            code.extend(std::iter::repeat_n(' ', blanks));
            code.push_str(&line[blanks..]);
        } else {
            code.push_str(line);
        }
    }
    code.replace("\\\n", "  ")
}

/// `for s in a b; do … done`, or `%w[a b].each do |s| … end`.
struct Loop {
    variable: String,
    values: Vec<String>,
    body: Range<usize>,
}

impl Loop {
    fn calls(&self, code: &str) -> Vec<Call> {
        let inside = &code[..self.body.end];
        let mut found = Vec::new();
        for value in &self.values {
            let known = [(self.variable.clone(), value.clone())];
            for captures in all(call_pattern(), inside) {
                if range(&captures, 0).start >= self.body.start {
                    found.extend(call(&captures, inside, &known));
                }
            }
        }
        found
    }
}

fn loops(code: &str) -> Vec<Loop> {
    let mut found = Vec::new();
    for captures in all(
        pattern!(r"\bfor\s+(\w+)\s+in\s+([^;\n$`*(]+?)\s*[;\n]\s*do\b"),
        code,
    ) {
        let start = range(&captures, 0).end;
        let end = pattern!(r"\bdone\b").and_then(|done| done.find(&code[start..]).ok()?);
        found.push(Loop {
            variable: part(&captures, 1).into(),
            values: words(part(&captures, 2)),
            body: start..end.map_or(code.len(), |end| start + end.start()),
        });
    }
    for captures in all(
        pattern!(
            r#"(?m)^([ \t]*).*?(?:%w[\[({<]([^\])}>\n]*)[\])}>]|\[((?:\s*['"][^'"\n]*['"]\s*,?)+)\])\.each\s*(do|\{)\s*\|\s*(\w+)\s*\|"#
        ),
        code,
    ) {
        let start = range(&captures, 0).end;
        let rest = &code[start..];
        let first_line = rest.find('\n').unwrap_or(rest.len());
        let indent = part(&captures, 1);
        let length = match part(&captures, 4) {
            // The end that stands below the beginning.
            "do" => rest.find(&format!("\n{indent}end")).unwrap_or(rest.len()),
            _ if rest[..first_line].trim_end().ends_with('}') => first_line,
            _ => rest.find(&format!("\n{indent}}}")).unwrap_or(first_line),
        };
        found.push(Loop {
            variable: part(&captures, 5).into(),
            values: words(&[part(&captures, 2), part(&captures, 3)].concat()),
            body: start..start + length,
        });
    }
    found
}

fn words(text: &str) -> Vec<String> {
    let words = text.split([' ', '\t', ',']);
    let words = words.map(|word| word.trim_matches(['"', '\'']));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// One call as it stands in `code`, with the values of the variables that are known.
fn call(captures: &Captures<'_>, code: &str, known: &[(String, String)]) -> Option<Call> {
    let at = range(captures, 1).start;
    let mut action = part(captures, 1).to_owned();
    let rest = replaced(part(captures, 2), &code[..at], known);
    let argument = argument(&rest)?;
    let from = range(captures, 2).start;
    let command = pattern!(r#"(?:-c|--command)[ =]?\s*(['"])(.*?)\1"#)
        .filter(|_| action == "exec")
        .and_then(|pattern| {
            let line = code[from..].lines().next()?;
            let captures = pattern.captures(line).ok()??;
            Some(part(&captures, 2).to_owned())
        });
    if action == "exec" && command.is_none() {
        return None;
    }
    if action == "test" {
        let keeps = pattern!(r"(?:-d|--destroy)[ =]*never\b")?;
        if !keeps.is_match(&rest).unwrap_or(false) {
            return None;
        }
        // What is left of it: it begins anew and verifies.
        action = "verify".into();
    }
    Some(Call {
        line: 1 + code[..at].matches('\n').count(),
        action,
        argument,
        command,
    })
}

/// `rest` with the values of variables: of the loop around it, or assigned `before` it.
fn replaced(rest: &str, before: &str, known: &[(String, String)]) -> String {
    let mut replaced = rest.to_owned();
    for captures in all(pattern!(r"(?:\$\$?|#)[({]?(\w+)[)}]?"), rest) {
        let name = part(&captures, 1);
        let own = known.iter().find(|(variable, _)| variable == name);
        let value = match own {
            Some((_, value)) => Some(value.clone()),
            None => assigned(name, before),
        };
        if let Some(value) = value {
            replaced = replaced.replace(part(&captures, 0), &value);
        }
    }
    replaced
}

/// The last value that `name` is given in a line of its own.
fn assigned(name: &str, before: &str) -> Option<String> {
    let assignments = all(
        pattern!(
            r#"(?m)^[ \t]*(?:export[ \t]+|def[ \t]+)?(\w+)[ \t]*[:?]?=[ \t]*["']?([\w.-]+)["']?[ \t]*$"#
        ),
        before,
    );
    let last = assignments.iter().rev().find(|it| part(it, 1) == name)?;
    Some(part(last, 2).to_owned())
}

/// The first word that is neither an option nor the value of one, without the quotes around it or
/// around the whole call; none where it holds a variable.
fn argument(rest: &str) -> Option<String> {
    const WITH_VALUE: [&str; 6] = [
        "-l",
        "--log-level",
        "-t",
        "--test-base-path",
        "-d",
        "--destroy",
    ];
    let words = rest.split_whitespace();
    let words = words.map(|word| word.trim_matches(['"', '\'', ',', ']', '}']));
    let mut words = words.filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') && !word.bytes().all(|it| it.is_ascii_digit()) {
            return (!word.contains(['$', '#', '{', '%', '<'])).then(|| word.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let calls = calls(text).into_iter();
        let shown = |call: Call| {
            let command = call.command.map(|it| format!(" {it}")).unwrap_or_default();
            format!("{}: {} {}{command}", call.line, call.action, call.argument)
        };
        calls.map(shown).collect()
    }

    #[test]
    fn calls_of_all_languages_are_found() {
        for (text, expected) in [
            (
                "bundle exec kitchen converge a && kitchen verify 'b'",
                &["1: converge a", "1: verify b"][..],
            ),
            ("sh 'kitchen', 'converge', 'a'", &["1: converge a"]),
            (
                "subprocess.run([\"kitchen\", \"verify\", \"a\"])",
                &["1: verify a"],
            ),
            (
                "KITCHEN_YAML=x kitchen converge -l debug a",
                &["1: converge a"],
            ),
            (
                "kitchen converge -c 4 --log-level=info a",
                &["1: converge a"],
            ),
            ("kitchen \\\n  converge", &[]),
            ("x\nkitchen converge \\\n  a", &["2: converge a"]),
            ("# kitchen converge a\n  // kitchen converge a", &[]),
            ("kitchen exec a -c 'x | y'", &["1: exec a x | y"]),
            ("kitchen test a; kitchen test b -d never", &["1: verify b"]),
            ("kitchen converge $1", &[]),
            ("kitchen converge", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_loop_calls_for_each_of_its_values_and_variables_have_theirs() {
        for (text, expected) in [
            (
                "for s in db \"web\"; do kitchen converge $s-ubuntu; kitchen verify ${s}; done\nkitchen destroy db",
                &[
                    "1: converge db-ubuntu",
                    "1: verify db",
                    "1: converge web-ubuntu",
                    "1: verify web",
                    "2: destroy db",
                ][..],
            ),
            (
                "for s in db web\ndo\n  kitchen converge $$s\ndone\n",
                &["3: converge db", "3: converge web"],
            ),
            (
                "%w[db web].each do |s|\n  if x\n    sh \"kitchen converge #{s}\"\n  end\n  sh 'kitchen verify db'\nend\n",
                &[
                    "3: converge db",
                    "5: verify db",
                    "3: converge web",
                    "5: verify db",
                ],
            ),
            (
                "['db', \"web\"].each { |s| sh \"kitchen converge #{s}\" }\n",
                &["1: converge db", "1: converge web"],
            ),
            (
                "SUITE=db\nkitchen converge $SUITE\nSUITE=web\nkitchen converge ${SUITE}\n",
                &["2: converge db", "4: converge web"],
            ),
            (
                "SUITE ?= db\nx:\n\tkitchen converge $(SUITE)\n",
                &["3: converge db"],
            ),
            ("for s in $ALL; do kitchen converge $s; done", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
