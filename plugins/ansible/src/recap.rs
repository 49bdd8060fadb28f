//! Reads what `ansible-playbook` prints: tasks that changed something, failures, the recap.

use banquet_sdk::{Changes, Error};

/// Lines kept of an error that is no task's: a syntax error has its excerpt below it.
const LINES_OF_ERROR: usize = 14;
/// Longest line of a failure that goes into an error, in characters.
const LONGEST: usize = 1500;

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Recap {
    task: String,
    changed: Vec<String>,
    failures: Vec<String>,
    in_error: bool,
    in_recap: bool,
    count: Option<u64>,
}

impl Recap {
    /// Takes a line without colours.
    pub fn see(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(task) = ["TASK [", "RUNNING HANDLER ["]
            .iter()
            .find_map(|start| line.strip_prefix(start))
        {
            self.in_error = false;
            let end = task.rfind(']').unwrap_or(task.len());
            self.task = task[..end].to_owned();
        } else if line.starts_with("PLAY RECAP") {
            (self.in_error, self.in_recap) = (false, true);
        } else if line.starts_with("ERROR!") || line.starts_with("[ERROR]:") {
            self.in_error = true;
            self.failures.push(cut(line));
        } else if line.starts_with("changed: [") {
            self.changed.push(self.task.clone());
        } else if line.starts_with("fatal: [") || line.starts_with("failed: [") {
            self.failures
                .push(format!("TASK [{}]: {}", self.task, cut(line)));
        } else if line == "...ignoring" {
            self.failures.pop();
        } else if self.in_recap {
            if let Some(count) = changed_of(line) {
                *self.count.get_or_insert(0) += count;
            }
        } else if self.in_error && !line.is_empty() && self.failures.len() < LINES_OF_ERROR {
            self.failures.push(cut(line));
        }
    }

    /// What was changed; unknown where no host is in the recap.
    pub fn changes(self) -> Changes {
        match self.count {
            None => Changes::Unknown,
            Some(0) => Changes::None,
            Some(count) if self.changed.is_empty() => Changes::Some(vec![format!("{count} tasks")]),
            Some(_) => {
                let mut changed = self.changed;
                changed.dedup();
                Changes::Some(changed)
            }
        }
    }

    /// Whether a play ended without any host.
    pub fn nobody(&self) -> bool {
        self.in_recap && self.count.is_none()
    }

    /// The error of a run that ended with `code`, with Ansible's own lines.
    pub fn error(&self, what: &str, code: i32) -> Error {
        let lines: String = self
            .failures
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect();
        let message = format!("{what}: exit code {code}{lines}");
        let unreachable = lines.contains("UNREACHABLE!");
        let mut error = match unreachable {
            true => Error::machine(message),
            false => Error::action(message),
        };
        error.exit_code = Some(code);
        if lines.contains("sshpass") {
            return error.hint("Install sshpass on the workstation, or use a key.");
        }
        match code {
            127 => error.hint("Exit code 127: a command was not found."),
            _ => error,
        }
    }
}

/// The number of changes in a line of the recap: `db : ok=2 changed=1 unreachable=0 failed=0`.
fn changed_of(line: &str) -> Option<u64> {
    if !line.contains(" ok=") {
        return None;
    }
    let mut words = line.split_whitespace();
    words.find_map(|word| word.strip_prefix("changed=")?.parse().ok())
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Recap {
        let mut recap = Recap::default();
        text.lines().for_each(|line| recap.see(line));
        recap
    }

    const CHANGED: &str = "
PLAY [all] *********

TASK [Gathering Facts] ****
ok: [db]

TASK [web : page] *********
changed: [db] => (item=one)
changed: [db] => (item=two)

RUNNING HANDLER [restart [it]] ***
changed: [db]

PLAY RECAP *********
db                         : ok=3    changed=2    unreachable=0    failed=0    skipped=0
web                        : ok=1    changed=0    unreachable=0    failed=0    skipped=0
";

    #[test]
    fn changed_tasks_are_named() {
        let names = vec!["web : page".to_string(), "restart [it]".to_string()];
        assert_eq!(seen(CHANGED).changes(), Changes::Some(names));
    }

    #[test]
    fn the_recap_counts() {
        let unchanged = CHANGED.replace("changed=2", "changed=0");
        assert_eq!(seen(&unchanged).changes(), Changes::None);
        let terse = "PLAY RECAP **\ndb : ok=3 changed=2 unreachable=0 failed=0";
        assert_eq!(seen(terse).changes(), Changes::Some(vec!["2 tasks".into()]));
        assert_eq!(seen("changed: [db]").changes(), Changes::Unknown);
    }

    #[test]
    fn a_play_for_nobody_is_noticed() {
        let recap = seen("PLAY [x] **\nskipping: no hosts matched\n\nPLAY RECAP **\n");
        assert!(recap.nobody());
        assert_eq!(recap.changes(), Changes::Unknown);
        assert!(!seen(CHANGED).nobody());
    }

    #[test]
    fn failures_have_ansibles_lines() {
        let text = "TASK [a] **\nfatal: [db]: FAILED! => {\"msg\": \"first\"}\n...ignoring\n\
                    TASK [b] **\nfatal: [db]: FAILED! => {\"msg\": \"no such file\"}\nPLAY RECAP **";
        let error = seen(text).error("site.yml", 2);
        let want = "site.yml: exit code 2\n    \
                    TASK [b]: fatal: [db]: FAILED! => {\"msg\": \"no such file\"}";
        assert_eq!(error.message, want);
        assert_eq!(error.exit_code, Some(2));
    }

    #[test]
    fn a_syntax_error_keeps_its_excerpt() {
        let text = "ERROR! conflicting action statements: shell, file\n\n\
                    The error appears to be in 'site.yml': line 5, column 7, but may\n\n  - name: x\n    ^ here\n";
        let error = seen(text).error("site.yml", 4);
        assert!(error.message.contains("line 5, column 7"), "{error}");
        assert!(error.message.ends_with("^ here"), "{error}");
    }

    #[test]
    fn a_host_out_of_reach_is_the_machines_error() {
        let text = "TASK [Gathering Facts] **\nfatal: [db]: UNREACHABLE! => {\"msg\": \"to use the 'ssh' \
                    connection type with passwords, you must install the sshpass program\"}";
        let error = seen(text).error("site.yml", 4);
        assert_eq!(error.kind, banquet_sdk::ErrorKind::Machine);
        assert!(error.hints[0].contains("sshpass"));
    }
}
