//! `kitchen list`: Test Kitchen's table of instances (lib/kitchen/command/list.rb), or the
//! clusters.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::args;
use super::exit::Exit;
use super::fault::{Fault, no_colour};
use super::loaded::{Loaded, members};
use super::table::{self, Cell};
use crate::matrix::{Cluster, Instance};
use crate::state::{ClusterRecord, Project};

const WHITE: u8 = 37;
const GREEN: u8 = 32;
const RED: u8 = 31;

/// Prints what there is.
pub fn list(list: &args::List) -> Result<Exit, Fault> {
    if list.debug {
        return Err(Fault::usage(
            "The --debug flag on the list subcommand is deprecated, please use `kitchen diagnose'.",
            None::<String>,
        ));
    }
    let loaded = Loaded::read(&list.common)?;
    let only_instances = list.instances == Some(true);
    let (clusters, instances) = if only_instances && list.names.names.is_empty() {
        (Vec::new(), loaded.matrix.instances.clone())
    } else {
        let selection = loaded.look(&list.names)?;
        match only_instances {
            true => (Vec::new(), members(&selection)),
            false => (selection.clusters, selection.instances),
        }
    };
    let terminal = io::stdout().is_terminal() && !no_colour();
    let colours = list.common.color.unwrap_or(terminal);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if list.bare {
        let clusters = clusters.iter().map(|cluster| &cluster.name);
        for name in clusters.chain(instances.iter().map(|instance| &instance.name)) {
            writeln!(out, "{name}")?;
        }
    } else {
        let clusters: Vec<ClusterRow> = clusters
            .iter()
            .map(|cluster| ClusterRow::of(cluster, &loaded.project))
            .collect();
        let instances: Vec<InstanceRow> = instances
            .iter()
            .map(|instance| InstanceRow::of(instance, &loaded.project))
            .collect();
        if list.json {
            let rows = clusters.iter().map(ClusterRow::json);
            let rows: Vec<Value> = rows
                .chain(instances.iter().map(InstanceRow::json))
                .collect();
            writeln!(out, "{:#}", Value::Array(rows))?;
        } else {
            print(
                &ClusterRow::HEAD,
                clusters.iter().map(ClusterRow::cells),
                colours,
                &mut out,
            )?;
            if !clusters.is_empty() && !instances.is_empty() {
                writeln!(out)?;
            }
            print(
                &InstanceRow::HEAD,
                instances.iter().map(InstanceRow::cells),
                colours,
                &mut out,
            )?;
        }
    }
    out.flush()?;
    Ok(Exit::Success)
}

fn print(
    head: &[&str],
    rows: impl Iterator<Item = Vec<Cell>>,
    colours: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let head = head
        .iter()
        .map(|title| (title.to_string(), GREEN))
        .collect();
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(rows).collect();
    match rows.len() {
        1 => Ok(()),
        _ => table::print(&rows, colours, out),
    }
}

/// What is listed of an instance.
struct InstanceRow {
    name: String,
    plugins: [String; 4],
    last_action: Option<String>,
    last_error: Option<String>,
}

impl InstanceRow {
    const HEAD: [&str; 7] = [
        "Instance",
        "Driver",
        "Provisioner",
        "Verifier",
        "Transport",
        "Last Action",
        "Last Error",
    ];

    fn of(instance: &Instance, project: &Project) -> Self {
        let (last_action, last_error) = last(instance, project);
        Self {
            name: instance.name.clone(),
            plugins: [
                class(&instance.driver.name),
                class(&instance.provisioner.name),
                class(&instance.verifier.name),
                class(instance.listed_transport()),
            ],
            last_action,
            last_error,
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let plugins = self.plugins.iter().map(|plugin| (plugin.clone(), WHITE));
        let mut cells = vec![(self.name.clone(), WHITE)];
        cells.extend(plugins);
        cells.push(action_cell(self.last_action.as_deref()));
        cells.push(error_cell(self.last_error.as_deref()));
        cells
    }

    fn json(&self) -> Value {
        let [driver, provisioner, verifier, transport] = &self.plugins;
        json!({
            "instance": self.name,
            "driver": driver,
            "provisioner": provisioner,
            "verifier": verifier,
            "transport": transport,
            "last_action": self.last_action,
            "last_error": self.last_error,
        })
    }
}

/// What is listed of a cluster.
struct ClusterRow {
    name: String,
    drivers: Vec<String>,
    suites: Vec<String>,
    members: Vec<String>,
    /// Where no step has ended: the last action of the member that has come least far.
    last: Last,
    last_error: Option<String>,
}

enum Last {
    Step(String),
    Action(Option<String>),
}

impl ClusterRow {
    const HEAD: [&str; 5] = ["Cluster", "Driver", "Members", "Last Step", "Last Error"];

    fn of(cluster: &Arc<Cluster>, project: &Project) -> Self {
        let states: Vec<_> = cluster
            .members
            .iter()
            .map(|member| last(member, project))
            .collect();
        let alive = states.iter().any(|(action, _)| action.is_some());
        let record = ClusterRecord::read(&project.kitchen(), &cluster.name);
        let mut last_error = states
            .into_iter()
            .zip(&cluster.members)
            .find_map(|(state, member)| state.1.map(|error| format!("{}: {error}", member.suite)));
        let mut last = Last::Action(alive.then(|| "create".into()));
        match record {
            Err(error) => last_error = Some(error.to_string()),
            Ok(record) => {
                if let Some(step) = record.last().filter(|_| alive) {
                    last = Last::Step(format!("{} {}", step.number, step.title));
                    last_error = step.error.clone().or(last_error);
                }
            }
        }
        let mut drivers: Vec<String> = Vec::new();
        for member in &cluster.members {
            let driver = class(&member.driver.name);
            if !drivers.contains(&driver) {
                drivers.push(driver);
            }
        }
        Self {
            name: cluster.name.clone(),
            drivers,
            suites: cluster
                .members
                .iter()
                .map(|member| member.suite.clone())
                .collect(),
            members: cluster
                .members
                .iter()
                .map(|member| member.name.clone())
                .collect(),
            last,
            last_error,
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let suites = match self.suites.len() {
            0..=6 => self.suites.join(", "),
            many => format!("{}, … ({many})", self.suites[..5].join(", ")),
        };
        vec![
            (self.name.clone(), WHITE),
            (self.drivers.join(", "), WHITE),
            (suites, WHITE),
            match &self.last {
                Last::Step(step) => (step.clone(), 33),
                Last::Action(action) => action_cell(action.as_deref()),
            },
            error_cell(self.last_error.as_deref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "cluster": self.name,
            "drivers": self.drivers,
            "members": self.members,
            "last_step": match &self.last {
                Last::Step(step) => Some(step),
                Last::Action(_) => None,
            },
            "last_error": self.last_error,
        })
    }
}

/// Last action and last error of an instance; a state that cannot be read is an error too.
fn last(instance: &Instance, project: &Project) -> (Option<String>, Option<String>) {
    let text = |state: &Map<String, Value>, key: &str| {
        let text = state.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    match project.state_file(&instance.name).read() {
        Ok(state) => (text(&state, "last_action"), text(&state, "last_error")),
        Err(error) => (Some("unknown".into()), Some(error.to_string())),
    }
}

fn action_cell(action: Option<&str>) -> Cell {
    let (text, colour) = match action {
        Some("create") => ("Created", 36),
        Some("converge") => ("Converged", 35),
        Some("setup") => ("Set Up", 34),
        Some("verify") => ("Verified", 33),
        None => ("<Not Created>", RED),
        Some(_) => ("<Unknown>", WHITE),
    };
    (text.into(), colour)
}

fn error_cell(error: Option<&str>) -> Cell {
    match error.and_then(|error| error.lines().next()) {
        Some(error) => (error.into(), RED),
        None => ("<None>".into(), WHITE),
    }
}

/// A plugin's name as that of its class in Test Kitchen: `chef_zero` is `ChefZero`.
pub fn class(name: &str) -> String {
    name.split('_').map(crate::report::capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes() {
        for (name, expected) in [
            ("docker", "Docker"),
            ("chef_zero", "ChefZero"),
            ("ec2", "Ec2"),
        ] {
            assert_eq!(class(name), expected);
        }
    }

    #[test]
    fn the_table_is_thors() {
        let row = |name: &str, action: Option<&str>, error: Option<&str>| InstanceRow {
            name: name.into(),
            plugins: ["Dummy", "Shell", "Busser", "Ssh"].map(Into::into),
            last_action: action.map(Into::into),
            last_error: error.map(Into::into),
        };
        let rows = [
            row("default-ubuntu-2204", None, None),
            row("web-a", Some("setup"), Some("Kitchen::ActionFailed\nmore")),
        ];
        let show = |colours| {
            let mut out = Vec::new();
            print(
                &InstanceRow::HEAD,
                rows.iter().map(InstanceRow::cells),
                colours,
                &mut out,
            )
            .expect("memory");
            String::from_utf8(out).expect("text")
        };
        insta::assert_snapshot!(show(false));
        let coloured = show(true);
        assert_eq!(console::strip_ansi_codes(&coloured), show(false));
        assert!(coloured.contains("\u{1b}[31m<Not Created>\u{1b}[0m"));
    }

    #[test]
    fn json_has_the_keys_of_test_kitchen() {
        let row = InstanceRow {
            name: "a-b".into(),
            plugins: ["Dummy", "Shell", "Busser", "Ssh"].map(Into::into),
            last_action: Some("create".into()),
            last_error: None,
        };
        insta::assert_snapshot!(format!("{:#}", Value::Array(vec![row.json()])));
    }

    #[test]
    fn a_large_cluster_stays_on_its_line() {
        let row = ClusterRow {
            name: "web-a".into(),
            drivers: vec!["Sandbox".into(), "Docker".into()],
            suites: (1..=50).map(|number| format!("web{number}")).collect(),
            members: Vec::new(),
            last: Last::Step("3 verify web1".into()),
            last_error: Some("exit code 1".into()),
        };
        let cells: Vec<String> = row.cells().into_iter().map(|cell| cell.0).collect();
        assert_eq!(
            cells,
            [
                "web-a",
                "Sandbox, Docker",
                "web1, web2, web3, web4, web5, … (50)",
                "3 verify web1",
                "exit code 1"
            ]
        );
    }
}
