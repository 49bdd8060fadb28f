//! Reads what `puppet apply` prints: resources that were changed, errors.

use banquet_sdk::{Changes, Error};

/// Lines of errors that go into the kitchen's.
const ERRORS: usize = 10;

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Log {
    changed: Vec<String>,
    errors: Vec<String>,
}

impl Log {
    /// Takes a line without colours.
    pub fn see(&mut self, line: &str) {
        if let Some(event) = line
            .strip_prefix("Notice: ")
            .filter(|it| it.starts_with("/Stage["))
        {
            // Containers repeat what their resources said.
            if !event.contains("Would have triggered") && !event.contains("(noop)") {
                self.changed.push(event.into());
            }
        } else if line.starts_with("Error: ") && self.errors.len() < ERRORS {
            self.errors.push(line.into());
        }
    }

    /// What was changed by a run that ended with a detailed exit `code`.
    pub fn changes(self, code: i32) -> Changes {
        match code {
            0 | 4 => Changes::None,
            2 | 6 if self.changed.is_empty() => {
                Changes::Some(vec![format!("resources, by exit code {code} of Puppet")])
            }
            2 | 6 => Changes::Some(self.changed),
            _ => Changes::Unknown,
        }
    }

    /// The error of a run that ended with `code`, with Puppet's own lines.
    pub fn error(&self, code: i32) -> Error {
        let lines: String = self
            .errors
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect();
        let mut error = Error::action(format!("puppet apply: exit code {code}{lines}"));
        error.exit_code = Some(code);
        match code {
            2 => error.hint(
                "Exit code 2: resources were changed. With `puppet_detailed_exitcodes: true` that \
                 is a failure unless `puppet_whitelist_exit_code` has it.",
            ),
            4 | 6 => error.hint(format!("Exit code {code}: resources failed.")),
            127 => error.hint("Exit code 127: a command was not found."),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Log {
        let mut log = Log::default();
        text.lines().for_each(|line| log.see(line));
        log
    }

    const RUN: &str = "
Notice: Compiled catalog for db in environment production in 0.35 seconds
Notice: /Stage[main]/Main/File[/tmp/x]/ensure: defined content as '{sha256}ca97'
Error: '/bin/false' returned 1 instead of one of [0]
Error: /Stage[main]/Main/Exec[/bin/false]/returns: change from 'notrun' to ['0'] failed
Notice: hello
Notice: Applied catalog in 0.19 seconds
";

    #[test]
    fn changes_are_the_resources_of_the_catalogue() {
        let file = "/Stage[main]/Main/File[/tmp/x]/ensure: defined content as '{sha256}ca97'";
        let one = Changes::Some(vec![file.into()]);
        assert_eq!(seen(RUN).changes(2), one);
        assert_eq!(seen(RUN).changes(6), one);
        assert_eq!(seen("").changes(0), Changes::None);
        assert_eq!(seen("").changes(1), Changes::Unknown);
        assert!(
            matches!(seen("").changes(2), Changes::Some(_)),
            "its log may go elsewhere"
        );
        let noop = "Notice: /Stage[main]/Main/File[/x]/ensure: current_value 'absent', should be 'file' (noop)";
        assert!(seen(noop).changed.is_empty());
    }

    #[test]
    fn an_error_has_puppets_lines() {
        let error = seen(RUN).error(6);
        let want = "puppet apply: exit code 6\n    Error: '/bin/false' returned 1 instead of one of \
                    [0]\n    Error: /Stage[main]/Main/Exec[/bin/false]/returns: change from \
                    'notrun' to ['0'] failed";
        assert_eq!(error.message, want);
        assert_eq!(error.exit_code, Some(6));
    }
}
