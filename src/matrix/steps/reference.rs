//! What there is to write as a step: every action and block with its keys, for the reader and for
//! `kitchen help steps`. What a key means is said where its schema is (`src/cli/schema`).

/// An action or a block.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Its first word, or the key that makes a map a block.
    pub word: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Its own keys, beside the options of every step.
    pub keys: &'static [&'static str],
    /// A list of steps that shows it.
    pub example: &'static str,
}

/// What one member does, or all do, or the workstation.
pub const ACTIONS: [Form; 19] = [
    Form {
        word: "create",
        usage: "create SUITE",
        meaning: "Makes the member now. A suite whose first step is `create` is left out when the \
                  cluster is created (scale-out); after a `destroy` it is made anew. All living \
                  members then hear of it.",
        keys: &[],
        example: "- create web2\n- converge web2",
    },
    Form {
        word: "converge",
        usage: "converge SUITE",
        meaning: "Runs the provisioner. Any key that is no option is a setting of the provisioner \
                  for this step; `attributes` and `run_list` are those of Chef.",
        keys: &[
            "idempotent",
            "provisioner",
            "provisioner_config",
            "transport",
        ],
        example: "- converge web1\n- step: converge web1\n  idempotent: true",
    },
    Form {
        word: "setup",
        usage: "setup SUITE",
        meaning: "Prepares the member for its verifier; `verify` does so where it was not done.",
        keys: &["verifier", "verifier_config", "transport"],
        example: "- setup web1",
    },
    Form {
        word: "verify",
        usage: "verify SUITE",
        meaning: "Runs the verifier; never converges. Any key that is no option is a setting of the \
                  verifier for this step.",
        keys: &[
            "tests_dir",
            "allow_empty",
            "verifier",
            "verifier_config",
            "transport",
        ],
        example: "- step: verify web1\n  name: smoke\n  retries: 2",
    },
    Form {
        word: "destroy",
        usage: "destroy SUITE",
        meaning: "Removes the member: a failover test. Its peers are told by nobody but the network.",
        keys: &[],
        example: "- destroy db\n- step: verify web1\n  expect_failure: true",
    },
    Form {
        word: "exec",
        usage: "exec SUITE",
        meaning: "Runs a command on the member. Any key that is no option is a setting of the \
                  transport for this step.",
        keys: &["command", "environment", "expect", "transport"],
        example: "- step: exec web1\n  command: uptime\n  expect: {exit_code: 0, matches: 'load average: \\d'}",
    },
    Form {
        word: "run",
        usage: "run",
        meaning: "Runs a command on the workstation, which reaches the members. It must exit with 0.",
        keys: &["command", "cwd", "environment"],
        example: "- step: run\n  command: curl --fail http://{{peers.web1.address}}:8080/",
    },
    Form {
        word: "wait",
        usage: "wait SUITE",
        meaning: "Looks again and again until one of `port`, `http`, `command`, `file` and `log` \
                  holds. Any key that is no option is a setting of the transport for this step.",
        keys: &[
            "port",
            "http",
            "command",
            "file",
            "log",
            "interval",
            "transport",
        ],
        example: "- step: wait db\n  port: 5432\n  timeout: 30s\n- step: wait web1\n  http: {url: \":8080/health\", status: 200, body: ^ok}\n- step: wait db\n  log: {file: /var/log/db.log, matches: ready to accept}",
    },
    Form {
        word: "sleep",
        usage: "sleep LENGTH",
        meaning: "Lets time pass: `500ms`, `2s`, `1m30s`. Where there is something to wait for, \
                  `wait` is quicker and surer.",
        keys: &[],
        example: "- sleep 2s",
    },
    Form {
        word: "stop",
        usage: "stop MEMBERS",
        meaning: "Switches members off in order. MEMBERS are suites, patterns (`web*`) or roles.",
        keys: &["for"],
        example: "- stop web1\n- start web1",
    },
    Form {
        word: "start",
        usage: "start MEMBERS",
        meaning: "Switches members on, and waits until they can be reached.",
        keys: &[],
        example: "- kill web1\n- start web1",
    },
    Form {
        word: "kill",
        usage: "kill MEMBERS",
        meaning: "Cuts the power.",
        keys: &["for"],
        example: "- kill web1\n- verify web2",
    },
    Form {
        word: "reboot",
        usage: "reboot MEMBERS",
        meaning: "Off and on again, and waits until they can be reached.",
        keys: &[],
        example: "- reboot web1",
    },
    Form {
        word: "pause",
        usage: "pause MEMBERS",
        meaning: "Freezes members: their addresses are there, and nothing answers.",
        keys: &["for"],
        example: "- step: pause web*\n  for: 500ms",
    },
    Form {
        word: "resume",
        usage: "resume MEMBERS",
        meaning: "Thaws what `pause` froze.",
        keys: &[],
        example: "- pause web1\n- resume web1",
    },
    Form {
        word: "partition",
        usage: "partition MEMBERS | MEMBERS",
        meaning: "Cuts the network between the groups, both ways.",
        keys: &["for"],
        example: "- step: partition db | web1 web2\n  for: 5s",
    },
    Form {
        word: "heal",
        usage: "heal [MEMBERS]",
        meaning: "Mends all links, or those of these members.",
        keys: &[],
        example: "- partition web1 | web2\n- heal",
    },
    Form {
        word: "delay",
        usage: "delay MEMBERS",
        meaning: "Packets to the peers leave later.",
        keys: &["by", "jitter", "for"],
        example: "- step: delay db\n  by: 100ms\n  jitter: 10ms",
    },
    Form {
        word: "drop",
        usage: "drop MEMBERS",
        meaning: "Packets from and to the peers are lost.",
        keys: &["percent", "for"],
        example: "- step: drop db\n  percent: 30",
    },
];

/// What holds other steps, and the two actions that are maps.
pub const BLOCKS: [Form; 6] = [
    Form {
        word: "concurrent",
        usage: "concurrent: [STEP, …]",
        meaning: "All at once; ends when all have ended, and fails if one failed.",
        keys: &[],
        example: "- name: both\n  timeout: 10m\n  concurrent:\n  - converge web1\n  - converge web2",
    },
    Form {
        word: "steps",
        usage: "steps: [STEP, …]",
        meaning: "One after another; ends at the first failure.",
        keys: &[],
        example: "- repeat: 3\n  steps:\n  - reboot web1\n  - verify web1",
    },
    Form {
        word: "during",
        usage: "during: STEP beside steps: [STEP, …]",
        meaning: "The step (or several, as a list) goes on while the others are done, and is ended \
                  with them. Fails if either side fails.",
        keys: &["steps"],
        example: "- during:\n    heartbeat: {http: \"http://{{peers.web2.address}}/\", every: 50ms}\n  steps:\n  - kill web1\n  - verify web2",
    },
    Form {
        word: "rolling",
        usage: "rolling: {step: ACTION MEMBERS}",
        meaning: "The step for member after member, each waited for before the next; none begins \
                  after one has failed. Any other key within is one of the step.",
        keys: &[],
        example: "- rolling:\n    step: converge web*\n    max_unavailable: 1\n    wait: {port: 8080}",
    },
    Form {
        word: "heartbeat",
        usage: "heartbeat: {…}",
        meaning: "Asks at fixed moments, however late answers are, and judges what was lost. By \
                  itself it needs a `count` or a `timeout`; below `during` it ends with the steps.",
        keys: &[],
        example: "- heartbeat: {tcp: \"{{peers.db.address}}:5432\", every: 100ms, count: 50, max_outage: 1s}",
    },
    Form {
        word: "chaos",
        usage: "chaos: {…}",
        meaning: "Sets faults by chance and undoes them; the same seed gives the same schedule, \
                  which `kitchen plan` prints.",
        keys: &[],
        example: "- chaos: {faults: [kill, pause], members: [web*], every: 10s, for: 2m, min_in_service: 1}",
    },
];

/// The words of all actions.
pub(super) fn words() -> [&'static str; ACTIONS.len()] {
    ACTIONS.map(|form| form.word)
}

/// How a step is written whose author wrote `key: value`: an item that is read as it stands here.
/// None where the key begins with no action.
pub(super) fn suggested(key: &str, value: Option<&str>) -> Option<String> {
    let (word, whom) = key.split_once(' ').unwrap_or((key, ""));
    words().into_iter().find(|known| *known == word)?;
    let value = value.unwrap_or_default();
    let (whom, command) = match (word, whom, value) {
        ("heal", ..) => ("", ""),
        ("run", _, command) => ("", command),
        ("sleep", "", "") => ("1s", ""),
        (_, "", "") => ("SUITE", ""),
        (_, "", whom) => (whom, ""),
        (_, whom, command) => (whom, command),
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let step = format!("{word} {whom}").trim_end().to_owned();
    let more = match word {
        "run" | "exec" if command.is_empty() => "command: COMMAND".to_owned(),
        "run" | "exec" => format!("command: {}", quoted(command)),
        "wait" if !command.is_empty() => format!("command: {}", quoted(command)),
        "wait" => "port: 80".to_owned(),
        "delay" => "by: 100ms".to_owned(),
        "drop" => "percent: 30".to_owned(),
        _ => return Some(format!("- {step}")),
    };
    let plain = |c: char| c.is_alphanumeric() || " -_*|".contains(c);
    let step = match step.chars().all(plain) {
        true => step,
        false => quoted(&step),
    };
    Some(format!("- {{step: {step}, {more}}}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::tests::load;
    use super::super::super::{Matrix, NoPlugins, StepNode};
    use super::super::options::OPTIONS;
    use super::super::{MAPS, wait};
    use super::*;

    const BASE: &str = "platforms: [{name: p}]\n\
        suites: [{name: web1}, {name: web2, roles: [web]}, {name: db}]\n\
        multisuites:\n- name: shop\n  steps:\n  - {concurrent: [setup web1, setup web2, setup db]}\n";

    /// What is wrong with these steps, or the last of them.
    fn read(steps: &str) -> Result<StepNode, String> {
        let lines: String = steps.lines().map(|line| format!("  {line}\n")).collect();
        let config = load(&format!("{BASE}{lines}")).map_err(|error| format!("{error:?}"))?;
        let matrix = Matrix::build(&config, &NoPlugins).map_err(|error| format!("{error:?}"))?;
        assert_eq!(matrix.clusters.len(), 1, "{steps}");
        Ok(matrix.clusters[0].steps.last().expect("a step").clone())
    }

    #[test]
    fn every_example_is_read() {
        for form in ACTIONS.iter().chain(&BLOCKS) {
            assert!(
                read(form.example).is_ok(),
                "{}: {:?}",
                form.word,
                read(form.example)
            );
            assert!(form.example.contains(form.word), "{}", form.word);
        }
    }

    #[test]
    fn every_step_that_a_hint_suggests_is_read() {
        for form in &ACTIONS {
            let value = match form.word {
                "run" => "echo hi, \"you\": {1}",
                "sleep" => "2s",
                "partition" => "web1 | web2",
                _ => "web1",
            };
            let command = ["exec", "wait"].contains(&form.word);
            let written = [
                format!("- {}: {}", form.word, serde_json::Value::from(value)),
                format!("- {} web1: echo hi", form.word),
            ];
            for written in written.iter().take(1 + usize::from(command)) {
                let told = read(written).expect_err("no step");
                let (_, hint) = told
                    .split_once("rite `- ")
                    .unwrap_or_else(|| panic!("{told}"));
                let (step, _) = hint.split_once("`; options").expect("its end");
                let step = format!("- {}", step.replace("\\\"", "\"").replace("\\\\", "\\"));
                assert!(read(&step).is_ok(), "{written}: {step}: {:?}", read(&step));
            }
        }
    }

    /// A value that `key` may have.
    fn value(key: &str) -> &'static str {
        match key {
            "port" | "retries" | "repeat" | "percent" | "expect" => "1",
            "idempotent" | "allow_empty" | "allow_failure" | "expect_failure" => "true",
            "for" | "by" | "jitter" | "timeout" | "retry_wait" | "interval" => "1s",
            "environment" => "{A: b}",
            "provisioner_config" | "verifier_config" => "{A: b}",
            "log" => "{file: /f, matches: a}",
            "http" => ":80/",
            "until" => "failure",
            "includes" => "p",
            _ => "text",
        }
    }

    /// The step `form` with what it cannot be without, and `key`.
    fn with(form: &Form, key: &str) -> String {
        let usage = form.usage.replace("MEMBERS | MEMBERS", "web1 | web2");
        let usage = usage
            .replace("[MEMBERS]", "web1")
            .replace("MEMBERS", "web1");
        let usage = usage.replace("LENGTH", "1s").replace("SUITE", "web1");
        let needed: &[&str] = match form.word {
            "exec" | "run" => &["command"],
            "wait" if !wait::CONDITIONS.contains(&key) => &["port"],
            "delay" => &["by"],
            "drop" => &["percent"],
            _ => &[],
        };
        let mut keys: BTreeSet<&str> = needed.iter().copied().collect();
        keys.insert(key);
        if key == "until" {
            keys.insert("repeat");
        }
        let keys = keys.iter().map(|key| format!("\n  {key}: {}", value(key)));
        format!("- step: {usage}{}", keys.collect::<String>())
    }

    /// Whether the reader takes `key` as the step's own, and not as a setting of a plugin.
    fn is_taken(form: &Form, key: &str) -> bool {
        match read(&with(form, key)) {
            Ok(StepNode::Step(step)) => {
                let plugin = ["provisioner", "verifier", "transport"];
                let plugin = plugin.contains(&key) || key.ends_with("_config");
                plugin || !step.overrides.values.contains_key(key)
            }
            Ok(StepNode::Block(_)) => panic!("{key} of {} makes a block", form.word),
            Err(told) => {
                let refused = format!("`{key}` has no effect on a `{}` step", form.word);
                assert!(told.contains(&refused), "{}: {told}", with(form, key));
                false
            }
        }
    }

    #[test]
    fn the_reader_takes_from_a_step_the_keys_that_are_told_and_no_others() {
        let own = ACTIONS.iter().flat_map(|form| form.keys);
        let universe: BTreeSet<&str> = own.copied().chain(OPTIONS).collect();
        for form in &ACTIONS {
            for key in universe.iter().filter(|key| **key != "excludes") {
                let told = form.keys.contains(key) || OPTIONS.contains(key);
                assert_eq!(is_taken(form, key), told, "{key} of {}", form.word);
            }
        }
    }

    /// The keys that the sources of the reader name, as `fields.text("command")` does.
    #[test]
    fn no_key_of_the_reader_is_missing_from_what_is_told() {
        let sources = [
            include_str!("options.rs"),
            include_str!("step.rs"),
            include_str!("command.rs"),
            include_str!("wait.rs"),
        ];
        let pattern = r#"(?:fields|inner)\s*\.\s*(?:take|text|command|flag|number|duration|pattern|words|inner)(?:::<\w+>)?\("([a-z_]+)"\)"#;
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        let own = ACTIONS.iter().flat_map(|form| form.keys);
        let inner = ["exit_code", "contains", "matches", "url", "status", "body"];
        let of_heartbeat = ["from", "members"];
        let told: BTreeSet<&str> = own
            .copied()
            .chain(OPTIONS)
            .chain(MAPS)
            .chain(inner)
            .chain(of_heartbeat)
            .collect();
        let found: BTreeSet<&str> = sources
            .iter()
            .flat_map(|source| pattern.captures_iter(source))
            .filter_map(|captures| captures.get(1).map(|key| key.as_str()))
            .collect();
        assert!(found.len() > 15, "{found:?}");
        let silent: Vec<_> = found.difference(&told).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }
}
