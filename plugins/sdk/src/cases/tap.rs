//! TAP, the Test Anything Protocol, versions 12 to 14.

use std::time::Duration;

use super::distinct;
use crate::{CaseStatus, Error, Result, TestCase};

/// The cases of a TAP stream. Lines that are no TAP are ignored, as the protocol asks. A test with
/// `SKIP`, or that fails with `TODO`, is skipped; subtests belong to the test that they stand
/// before. Tests that were planned and not told of, and a stream that ends without a plan or with
/// `Bail out!`, are failed cases of their own. Fails where nothing is TAP.
pub fn tap(text: &str) -> Result<Vec<TestCase>> {
    let mut reader = Reader::default();
    text.lines().for_each(|line| reader.line(line));
    reader.finish()
}

#[derive(Default)]
struct Reader {
    cases: Vec<TestCase>,
    planned: Option<usize>,
    /// Lines of a subtest, for the test that comes after them.
    subtest: Vec<String>,
    /// What stands behind the last test: diagnostics, or lines of its YAML block.
    said: Vec<String>,
    /// Inside of a YAML block.
    yaml: bool,
    bailed: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.yaml {
            return self.yaml_line(line);
        }
        if line.trim_end() == "  ---" && !self.cases.is_empty() {
            self.yaml = true;
        } else if line.starts_with("    ") {
            self.subtest.push(line.to_owned());
        } else if let Some(test) = Point::of(line) {
            self.test(&test);
        } else if let Some(count) = plan(line) {
            self.planned = Some(count);
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            self.close();
            self.bailed = true;
            let reason = match reason.trim() {
                "" => "the tool gave up",
                reason => reason,
            };
            self.cases.push(TestCase::failed("Bail out!", reason));
        } else if let Some(words) = line.strip_prefix('#') {
            self.said
                .push(words.strip_prefix(' ').unwrap_or(words).to_owned());
        }
    }

    fn yaml_line(&mut self, line: &str) {
        if line.trim() == "..." {
            self.yaml = false;
        } else if let Some(milliseconds) = line.trim().strip_prefix("duration_ms:") {
            if let (Some(last), Ok(time)) =
                (self.cases.last_mut(), milliseconds.trim().parse::<f64>())
            {
                last.duration = Duration::try_from_secs_f64(time / 1000.0).ok();
            }
        } else {
            self.said
                .push(line.strip_prefix("  ").unwrap_or(line).to_owned());
        }
    }

    fn test(&mut self, point: &Point<'_>) {
        self.close();
        let name = match point.name.trim() {
            "" => format!("test {}", self.cases.len() + 1),
            name => name.replace("\\#", "#").replace("\\\\", "\\"),
        };
        let (status, reason) = match &point.directive {
            Some((Directive::Skip, reason)) => (CaseStatus::Skipped, *reason),
            Some((Directive::Todo, reason)) if !point.ok => (CaseStatus::Skipped, *reason),
            _ if point.ok => (CaseStatus::Passed, ""),
            _ => (CaseStatus::Failed, ""),
        };
        let mut case = TestCase::new(name, status);
        case.message = (!reason.is_empty()).then(|| reason.to_owned());
        self.said.append(&mut self.subtest);
        self.cases.push(case);
    }

    /// Gives what was said behind the last test to it, where it failed.
    fn close(&mut self) {
        let said = std::mem::take(&mut self.said);
        if let Some(last) = self.cases.last_mut()
            && last.status == CaseStatus::Failed
            && last.message.is_none()
        {
            let text = said.join("\n");
            let text = text.trim_end();
            last.message = Some(if text.is_empty() { "not ok" } else { text }.to_owned());
        }
    }

    fn finish(mut self) -> Result<Vec<TestCase>> {
        self.close();
        let told = self.cases.len();
        match self.planned {
            None if told == 0 => {
                return Err(Error::action("read the tests: what was printed is no TAP"));
            }
            _ if self.bailed => {}
            None => self.cases.push(TestCase::failed(
                "plan",
                "the report has no plan: it ended before its end",
            )),
            Some(planned) if planned > told => self.cases.push(TestCase::failed(
                "plan",
                format!("{planned} tests were planned, {told} are told of"),
            )),
            Some(_) => {}
        }
        Ok(distinct(self.cases))
    }
}

enum Directive {
    Skip,
    Todo,
}

/// `ok 1 - name # SKIP reason`.
struct Point<'a> {
    ok: bool,
    name: &'a str,
    directive: Option<(Directive, &'a str)>,
}

impl<'a> Point<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (ok, rest) = match line.strip_prefix("not ok") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok")?),
        };
        if !(rest.is_empty() || rest.starts_with(' ')) {
            return None;
        }
        let rest = rest.trim_start();
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        let (name, directive) = split_directive(rest);
        Some(Self {
            ok,
            name,
            directive,
        })
    }
}

/// A `#` is a directive's only where the word after it is one, and no backslash before it.
fn split_directive(text: &str) -> (&str, Option<(Directive, &str)>) {
    for (at, _) in text.match_indices('#') {
        if text[..at].ends_with('\\') {
            continue;
        }
        let after = text[at + 1..].trim_start();
        let length = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (word, reason) = after.split_at(length);
        let directive = match word.to_ascii_lowercase().as_str() {
            "skip" | "skipped" => Directive::Skip,
            "todo" => Directive::Todo,
            _ => continue,
        };
        let reason = reason.trim_start_matches([':', ' ']).trim_end();
        return (&text[..at], Some((directive, reason)));
    }
    (text, None)
}

/// The count of `1..N`.
fn plan(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("1..")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+ name`, `- name: message` or `s name: message`, one a line.
    fn told(text: &str) -> String {
        let cases = tap(text).unwrap();
        let lines = cases.iter().map(|case| {
            let mark = match case.status {
                CaseStatus::Passed => '+',
                CaseStatus::Failed => '-',
                CaseStatus::Skipped => 's',
            };
            let message = case.message.as_deref().map(|text| format!(": {text}"));
            format!("{mark} {}{}\n", case.name, message.unwrap_or_default())
        });
        lines.collect()
    }

    #[test]
    fn what_bats_prints() {
        let text = "1..3\nok 1 one is one\nnot ok 2 two is three # really\n\
                    # (in test file a.bats, line 2)\n#   `[ 2 = 3 ]' failed\n# hello\n\
                    ok 3 skipped # skip no time\n";
        assert_eq!(
            told(text),
            "+ one is one\n- two is three # really: (in test file a.bats, line 2)\n  `[ 2 = 3 ]' \
             failed\nhello\ns skipped: no time\n"
        );
    }

    #[test]
    fn a_yaml_block_has_time_and_message() {
        let text = "TAP version 13\n1..2\nok 1 - a\n  ---\n  duration_ms: 18.5\n  ...\nnot ok 2 - b\n  \
                    ---\n  message: |\n    why\n  ...\n";
        let cases = tap(text).unwrap();
        assert_eq!(cases[0].duration, Some(Duration::from_micros(18_500)));
        assert_eq!(cases[1].message.as_deref(), Some("message: |\n  why"));
    }

    #[test]
    fn directives_count_whatever_the_result() {
        assert_eq!(
            told(
                "1..5\nnot ok 1 a # TODO later\nnot ok 2 b # SKIP\nok 3 c # Todo\nok 4 d \\# skip\nok 5 # skipped: x\n"
            ),
            "s a: later\ns b\n+ c\n+ d # skip\ns test 5: x\n"
        );
    }

    #[test]
    fn subtests_are_part_of_their_test() {
        let text = "TAP version 14\n# Subtest: a\n    not ok 1 - inner\n    1..1\nnot ok 1 - a\nok 2 - b\n1..2\n";
        assert_eq!(told(text), "- a:     not ok 1 - inner\n    1..1\n+ b\n");
    }

    #[test]
    fn what_is_missing_is_a_failure() {
        assert_eq!(
            told("1..3\nok 1 a\n"),
            "+ a\n- plan: 3 tests were planned, 1 are told of\n"
        );
        assert_eq!(
            told("ok 1 a\n"),
            "+ a\n- plan: the report has no plan: it ended before its end\n"
        );
        assert_eq!(
            told("1..3\nok 1 a\nBail out! no disk\n"),
            "+ a\n- Bail out!: no disk\n"
        );
    }

    #[test]
    fn nothing_planned_is_nothing_run() {
        assert_eq!(told("1..0 # SKIP no tests here\n"), "");
    }

    #[test]
    fn noise_is_ignored_and_only_noise_is_an_error() {
        assert_eq!(told("hello\n1..1\nokay\nok\n"), "+ test 1\n");
        for text in ["", "hello\nok-ish\n", "\u{0}\u{fffd}"] {
            assert!(
                tap(text).unwrap_err().message.contains("no TAP"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_failure_without_words_says_not_ok() {
        assert_eq!(told("1..1\nnot ok\n"), "- test 1: not ok\n");
    }
}
