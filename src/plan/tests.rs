//! Plans of a cluster, on data: what each command does to it, how far it has come, what it refuses.

use std::sync::Arc;

use super::{Command, Facts, Options, Plan, Planner, Subject, render};
use crate::matrix::Matrix;
use crate::matrix::tests::load;
use crate::registry::Registry;
use crate::state::{ClusterRecord, Ended, Project};

const CLUSTER: &str = "
driver: dummy
transport: dummy
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: web1, roles: [web]}, {name: web2, roles: [web]}, {name: lb}, {name: late}]
multisuites:
- name: ha
  steps:
  - converge web1
  - step: wait web1
    port: 80
  - concurrent: [converge web2, converge lb]
  - create late
  - converge late
  - name: survives
    during:
      heartbeat: {http: 'http://lb/', every: 50ms, count: 200, max_latency: 1s}
    steps:
    - sleep 2s
    - step: kill web1
      for: 5s
    - converge lb
    - verify web2
  - partition lb | web
  - verify lb
  - heal
  - rolling: {step: 'converge web*', max_unavailable: 1, wait: {port: 80}}
  - chaos: {faults: [kill, drop], percent: 30, members: [web], every: 10s, for: 40s, seed: 42}
  - step: verify web1
    repeat: 3
  - destroy web2
";

/// The plan of `command` with `text` as the configuration, where `facts` hold.
fn plan(text: &str, command: Command, options: &Options, facts: &Facts) -> Plan {
    let registry = Registry::builtin();
    let matrix = Matrix::build(&load(text).unwrap(), &registry).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let project = Project::new(directory.path(), None).unwrap();
    let subjects: Vec<Subject> = matrix
        .clusters
        .iter()
        .cloned()
        .map(Subject::Cluster)
        .collect();
    let planner = Planner {
        project: &project,
        matrix: &matrix,
        registry: &registry,
        facts,
    };
    planner.plan(&subjects, command, options).unwrap()
}

/// Members that exist, in a cluster where all have heard of each other.
fn facts(members: &[&str]) -> Facts {
    let mut facts = Facts::default();
    for member in members {
        facts
            .last_actions
            .insert(format!("{member}-host"), "create".into());
    }
    let record = ClusterRecord {
        gossiped: true,
        ..ClusterRecord::default()
    };
    facts.records.insert("ha-host".into(), record);
    facts
}

/// Warnings, obstacles and work, without the members' settings.
fn work(plan: &Plan) -> String {
    let text = render(plan);
    let (head, rest) = text.split_once("  members\n").unwrap();
    let (_, work) = rest.split_once("  work\n").unwrap();
    format!("{head}{work}")
}

#[test]
fn test_does_all_steps_of_a_new_cluster() {
    let plan = plan(
        CLUSTER,
        Command::Test,
        &Options::default(),
        &Facts::default(),
    );
    insta::assert_snapshot!(work(&plan));
}

#[test]
fn converge_keeps_converges_and_waits_wherever_they_stand() {
    let plan = plan(
        CLUSTER,
        Command::Converge,
        &Options::default(),
        &facts(&["web1", "web2"]),
    );
    insta::assert_snapshot!(work(&plan));
}

#[test]
fn verify_names_the_faults_that_it_leaves_out() {
    let there = facts(&["web1", "web2", "lb", "late"]);
    let plan = plan(CLUSTER, Command::Verify, &Options::default(), &there);
    insta::assert_snapshot!(work(&plan));
}

#[test]
fn verify_refuses_members_that_were_never_created() {
    let plan = plan(
        CLUSTER,
        Command::Verify,
        &Options::default(),
        &facts(&["web1", "lb"]),
    );
    let messages: Vec<_> = plan.tasks[0]
        .obstacles
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(messages, ["web2-host was never created"]);
}

#[test]
fn create_leaves_late_members_for_their_step() {
    let plan = plan(
        CLUSTER,
        Command::Create,
        &Options::default(),
        &Facts::default(),
    );
    let text = work(&plan);
    assert!(
        text.contains("create: web1-host, web2-host, lb-host\n"),
        "{text}"
    );
    assert!(!text.contains("late-host"), "{text}");
}

#[test]
fn setup_destroy_and_heal_are_one_item_each() {
    let there = facts(&["web1", "web2", "lb", "late"]);
    for (command, item) in [
        (
            Command::Setup,
            "setup: web1-host, web2-host, lb-host, late-host",
        ),
        (
            Command::Destroy,
            "destroy: web1-host, web2-host, lb-host, late-host",
        ),
        (Command::Heal, "heal: nothing is broken"),
    ] {
        let plan = plan(CLUSTER, command, &Options::default(), &there);
        assert_eq!(plan.tasks[0].items.len(), 1);
        assert!(work(&plan).contains(item), "{}", work(&plan));
    }
}

#[test]
fn resume_goes_on_at_the_step_that_failed() {
    let mut there = facts(&["web1", "web2", "lb"]);
    let ended = |number: usize, title: &str, passed| Ended {
        number,
        title: title.into(),
        passed,
        error: None,
    };
    let record = there.records.get_mut("ha-host").unwrap();
    record.steps = vec![
        ended(1, "converge web1", true),
        ended(2, "wait web1", false),
    ];
    let options = Options {
        resume: true,
        until: Some("survives".into()),
        ..Options::default()
    };
    let plan = plan(CLUSTER, Command::Test, &options, &there);
    let numbers: Vec<usize> = plan.tasks[0]
        .items
        .iter()
        .filter_map(|item| match item {
            super::Item::Step { number, .. } => Some(*number),
            _ => None,
        })
        .collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6]);
}

#[test]
fn faults_that_a_driver_cannot_set_or_undo_are_obstacles() {
    let cases = [
        (
            "driver: exec",
            "kill web1",
            "`kill web1`: driver exec cannot kill: web1-host is the workstation itself",
        ),
        (
            "driver: exec",
            "partition web1 | lb",
            "`partition web1 | lb`: driver exec of web1-host is the workstation itself, whose network is left alone",
        ),
        (
            "driver: {name: proxy, host: a}",
            "pause web",
            "`pause web`: driver proxy cannot pause: its setting `power` has no command `pause`",
        ),
    ];
    for (driver, step, message) in cases {
        let text = CLUSTER
            .replace("driver: dummy", driver)
            .replace("transport: dummy\n", "");
        let (head, _) = text.split_once("  - converge web1").unwrap();
        let text =
            format!("{head}  - converge lb\n  - converge web1\n  - converge web2\n  - {step}\n");
        let plan = plan(&text, Command::Test, &Options::default(), &Facts::default());
        let messages: Vec<_> = plan.tasks[0]
            .obstacles
            .iter()
            .map(|it| it.message.as_str())
            .collect();
        assert!(messages.contains(&message), "{message} in {messages:?}");
    }
}

#[test]
fn a_driver_that_can_do_something_else_says_so() {
    use banquet_sdk::Power::{Reboot, Start, Stop};
    let mut registry = Registry::builtin();
    registry.add_driver(Switch(vec![Stop, Start, Reboot]));
    let text = "driver: switch\nplatforms: [{name: host}]\nsuites: [{name: a}]\nmultisuites:\n- name: one\n  steps:\n  - kill a\n  - stop a\n  - pause a\n";
    let matrix = Matrix::build(&load(text).unwrap(), &registry).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let project = Project::new(directory.path(), None).unwrap();
    let planner = Planner {
        project: &project,
        matrix: &matrix,
        registry: &registry,
        facts: &Facts::default(),
    };
    let subject = Subject::Cluster(Arc::clone(&matrix.clusters[0]));
    let plan = planner
        .plan(&[subject], Command::Test, &Options::default())
        .unwrap();
    let messages: Vec<_> = plan.tasks[0]
        .obstacles
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    let about = |word: &str| {
        messages
            .iter()
            .find(|it| it.starts_with(&format!("`{word} a`")))
            .copied()
    };
    assert_eq!(
        about("kill"),
        Some("`kill a`: driver switch cannot kill; use stop")
    );
    assert_eq!(
        about("pause"),
        Some("`pause a`: driver switch cannot pause; use stop")
    );
    assert_eq!(about("stop"), None);
}

/// What `docs/faults.md` says of each driver is what a plan says.
#[test]
fn the_page_on_faults_tells_what_each_driver_can_do() {
    let page = include_str!("../../docs/faults.md");
    let (_, table) = page.split_once("\n| driver | ").unwrap();
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split(" | ").collect();
    let words: Vec<&str> = head[..6].iter().map(|it| it.trim_matches('`')).collect();
    let rows: Vec<Vec<&str>> = lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches([' ', '|']).split(" | ").collect())
        .collect();
    let said = |driver: &str| {
        let name = format!("`{driver}`");
        let row = rows
            .iter()
            .find(|row| row[0].split(", ").any(|it| it == name));
        row.unwrap_or_else(|| panic!("docs/faults.md has no row of {driver}"))
    };
    for driver in Registry::builtin().names(crate::matrix::Kind::Driver) {
        let cannot = |step: &str| {
            let text = format!(
                "driver: {{name: {driver}, host: lab}}\nplatforms: [{{name: host}}]\n\
                 suites: [{{name: a}}, {{name: b}}]\nmultisuites:\n- name: pair\n  steps:\n  \
                 - converge a\n  - converge b\n  - {step}\n"
            );
            let plan = plan(&text, Command::Test, &Options::default(), &Facts::default());
            let obstacles = plan.tasks.into_iter().flat_map(|task| task.obstacles);
            let about = format!("`{step}`: ");
            let found: Vec<String> = obstacles
                .map(|it| it.message)
                .filter(|it| it.starts_with(&about))
                .collect();
            found.join("\n")
        };
        let row = said(&driver);
        for (word, cell) in words.iter().zip(&row[1..]) {
            let cannot = cannot(&format!("{word} a"));
            let can = match cannot.as_str() {
                "" => "yes",
                found if found.contains("its setting `power`") => "command",
                _ => "no",
            };
            assert_eq!(*cell, can, "{word} of {driver}: {cannot}");
        }
        let alone = cannot("partition a | b").contains("whose network is left alone");
        assert_eq!(row[7] == "no", alone, "links of {driver}");
    }
}

#[test]
fn who_begins_later_is_told_which_faults_are_not_in_force_there() {
    let steps = [
        "kill web1",
        "partition lb | web",
        "start web1",
        "pause web2",
        "heal lb",
        "drop lb",
        "verify lb",
    ];
    let list = steps.map(|step| match step {
        "drop lb" => format!("  - step: {step}\n    percent: 5\n"),
        step => format!("  - {step}\n"),
    });
    let (head, _) = CLUSTER.split_once("  - converge web1").unwrap();
    let text = format!(
        "{head}  - concurrent: [setup lb, setup web1, setup web2]\n{}",
        list.concat()
    );
    let told = |from: usize| {
        let options = Options {
            from: Some(from.to_string()),
            ..Options::default()
        };
        let plan = plan(
            &text,
            Command::Test,
            &options,
            &facts(&["web1", "web2", "lb"]),
        );
        plan.tasks[0].warnings.join("\n")
    };
    assert_eq!(told(2), "");
    assert_eq!(
        told(4),
        "`kill web1` is not in force at step 4: `--from 2` begins with it\n\
         `partition lb | web` is not in force at step 4: `--from 3` begins with it"
    );
    assert_eq!(
        told(8),
        "`pause web2` is not in force at step 8: `--from 5` begins with it\n\
         `drop lb` is not in force at step 8: `--from 7` begins with it"
    );
}

/// What an earlier run left in force is part of the plan of whoever undoes it.
#[test]
fn what_is_in_force_is_undone_before_all_else_unless_all_is_destroyed() {
    let mut there = facts(&["web1", "web2", "lb", "late"]);
    let record = there.records.get_mut("ha-host").unwrap();
    record.broken = vec![crate::state::Broken {
        id: 1,
        step: "kill web1".into(),
        what: crate::state::Damage::Off,
        groups: vec![vec!["web1-host".into()]],
        since: jiff::Timestamp::UNIX_EPOCH,
    }];
    let line = "heal: `kill web1` on web1-host, left by an earlier run";
    for (command, told) in [
        (Command::Verify, true),
        (Command::Heal, true),
        (Command::Destroy, false),
        (Command::Test, false),
    ] {
        let plan = plan(CLUSTER, command, &Options::default(), &there);
        assert_eq!(work(&plan).contains(line), told, "{}", work(&plan));
    }
}

/// A driver that only switches.
struct Switch(Vec<banquet_sdk::Power>);

#[banquet_sdk::async_trait]
impl banquet_sdk::Driver for Switch {
    fn info(&self) -> banquet_sdk::PluginInfo {
        banquet_sdk::PluginInfo::of::<std::collections::BTreeMap<String, String>>(
            "switch", "switches",
        )
    }

    fn capabilities(&self) -> banquet_sdk::Capabilities {
        banquet_sdk::Capabilities {
            power: self.0.clone(),
            ..banquet_sdk::Capabilities::default()
        }
    }

    async fn create(
        &self,
        _cx: &banquet_sdk::Context,
        _state: &mut banquet_sdk::State,
    ) -> banquet_sdk::Result<()> {
        Ok(())
    }

    async fn destroy(
        &self,
        _cx: &banquet_sdk::Context,
        _state: &mut banquet_sdk::State,
    ) -> banquet_sdk::Result<()> {
        Ok(())
    }

    async fn status(
        &self,
        _cx: &banquet_sdk::Context,
        _state: &banquet_sdk::State,
    ) -> banquet_sdk::Result<banquet_sdk::Status> {
        Ok(banquet_sdk::Status::Absent)
    }
}
