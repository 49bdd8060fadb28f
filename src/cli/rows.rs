//! What `kitchen list` tells of an instance and of a cluster.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::status::{self, Status};
use super::table::{Cell, RED, WHITE};
use crate::matrix::{Cluster, Instance};
use crate::report::capital;
use crate::state::{Broken, ClusterRecord, Error, Project, StateFile};

/// What is listed of an instance.
pub struct InstanceRow {
    name: String,
    plugins: [String; 4],
    /// The transport that reaches the machine.
    transport: String,
    last: Last,
    status: Option<(Status, Value)>,
}

/// What the state tells.
#[derive(Default)]
struct Last {
    action: Option<String>,
    error: Option<String>,
    session: Option<String>,
}

impl InstanceRow {
    /// Titles of the columns; the last one only with a status.
    pub const HEAD: [&str; 8] = [
        "Instance",
        "Driver",
        "Provisioner",
        "Verifier",
        "Transport",
        "Last Action",
        "Last Error",
        "Live Status",
    ];

    /// The row of an instance.
    pub fn of(
        instance: &Instance,
        project: &Project,
        states: &States,
        status: Option<Status>,
    ) -> Self {
        let last = states.last(instance);
        let paths = |status: Status| {
            let log = project.log_file(&instance.name);
            let paths = json!({
                "log_path": log,
                "structured_log_path": log.with_extension("ndjson"),
                "state_path": project.state_file(&instance.name).path(),
                "instance_session_id": last.session,
                "status": status.json(),
            });
            (status, paths)
        };
        Self {
            name: instance.name.clone(),
            plugins: [
                class(&instance.driver.name),
                class(&instance.provisioner.name),
                class(&instance.verifier.name),
                class(instance.listed_transport()),
            ],
            transport: class(&instance.transport.name),
            status: status.map(paths),
            last,
        }
    }

    /// For the table.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![(self.name.clone(), WHITE)];
        let shown = self.plugins[..3].iter().chain([&self.transport]);
        cells.extend(shown.map(|plugin| (plugin.clone(), WHITE)));
        cells.push(action_cell(self.last.action.as_deref()));
        cells.push(error_cell(self.last.error.as_deref()));
        cells.extend(self.status.as_ref().map(|(status, _)| status.cell()));
        cells
    }

    /// With the keys of Test Kitchen, whose `transport` is the one that Test Kitchen would name, and
    /// the transport that reaches the machine.
    pub fn json(&self) -> Value {
        let [driver, provisioner, verifier, transport] = &self.plugins;
        let mut row = json!({
            "instance": self.name,
            "driver": driver,
            "provisioner": provisioner,
            "verifier": verifier,
            "transport": transport,
            "transport_used": self.transport,
            "last_action": self.last.action,
            "last_error": self.last.error,
        });
        if let (Some(row), Some((_, Value::Object(more)))) = (row.as_object_mut(), &self.status) {
            row.extend(more.clone());
        }
        row
    }
}

/// What is listed of a cluster.
pub struct ClusterRow {
    name: String,
    drivers: Vec<String>,
    suites: Vec<String>,
    members: Vec<String>,
    /// The last step that has ended.
    step: Option<String>,
    /// Whether any member exists.
    lives: bool,
    error: Option<String>,
    /// Faults that are in force.
    broken: Vec<Broken>,
    statuses: Vec<Status>,
}

impl ClusterRow {
    /// Titles of the columns; the last one only with a status.
    pub const HEAD: [&str; 6] = [
        "Cluster",
        "Driver",
        "Members",
        "Last Step",
        "Last Error",
        "Live Status",
    ];

    /// The row of a cluster.
    pub fn of(
        cluster: &Cluster,
        project: &Project,
        states: &States,
        statuses: Vec<Option<Status>>,
    ) -> Self {
        let members = || cluster.members.iter();
        let lasts: Vec<Last> = members().map(|member| states.last(member)).collect();
        let lives = lasts.iter().any(|last| last.action.is_some());
        let of_member = lasts.into_iter().zip(members()).find_map(|(last, member)| {
            last.error.map(|error| format!("{}: {error}", member.suite))
        });
        let mut broken = Vec::new();
        let (step, error) = match ClusterRecord::read(&project.kitchen(), &cluster.name) {
            Err(error) => (None, Some(error.to_string())),
            Ok(record) => {
                broken.clone_from(&record.broken);
                match record.last().filter(|_| lives) {
                    Some(step) => {
                        let text = format!("{} {}", step.number, step.title);
                        (Some(text), step.error.clone().or(of_member))
                    }
                    None => (None, of_member),
                }
            }
        };
        let mut drivers: Vec<String> = Vec::new();
        for member in members() {
            let driver = class(&member.driver.name);
            if !drivers.contains(&driver) {
                drivers.push(driver);
            }
        }
        Self {
            name: cluster.name.clone(),
            drivers,
            suites: members().map(|member| member.suite.clone()).collect(),
            members: members().map(|member| member.name.clone()).collect(),
            step,
            lives,
            error,
            broken,
            statuses: statuses.into_iter().flatten().collect(),
        }
    }

    /// For the table.
    pub fn cells(&self) -> Vec<Cell> {
        let suites = match self.suites.len() {
            0..=6 => self.suites.join(", "),
            many => format!("{}, … ({many})", self.suites[..5].join(", ")),
        };
        let mut cells = vec![
            (self.name.clone(), WHITE),
            (self.drivers.join(", "), WHITE),
            (suites, WHITE),
            match &self.step {
                Some(step) => (step.clone(), 33),
                None => action_cell(self.lives.then_some("create")),
            },
            error_cell(self.error.as_deref()),
        ];
        if !self.statuses.is_empty() {
            cells.push(status::summed(&self.statuses));
        }
        cells
    }

    /// All of it.
    pub fn json(&self) -> Value {
        let mut row = json!({
            "cluster": self.name,
            "drivers": self.drivers,
            "members": self.members,
            "created": self.lives,
            "last_step": self.step,
            "last_error": self.error,
            "in_force": self.broken.iter().map(in_force).collect::<Vec<_>>(),
        });
        if !self.statuses.is_empty() {
            let statuses = self
                .members
                .iter()
                .cloned()
                .zip(self.statuses.iter().map(Status::json));
            row["status"] = Value::Object(statuses.collect());
        }
        row
    }
}

fn in_force(broken: &Broken) -> Value {
    let members: Vec<&String> = broken.instances().collect();
    json!({"step": broken.step, "members": members, "since": broken.since.to_string()})
}

/// The states of all instances that have one: the others need not be looked for one by one.
pub struct States(Result<BTreeMap<String, StateFile>, Error>);

impl States {
    /// Of a project.
    pub fn of(project: &Project) -> Self {
        Self(project.state_files())
    }

    fn last(&self, instance: &Instance) -> Last {
        match &self.0 {
            Ok(files) => files.get(&instance.name).map(Last::of).unwrap_or_default(),
            Err(error) => Last::unknown(error),
        }
    }
}

impl Last {
    /// A state that cannot be read is an error too.
    fn of(file: &StateFile) -> Self {
        let text = |state: &Map<String, Value>, key: &str| {
            let text = state.get(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        match file.read() {
            Ok(state) => Self {
                action: text(&state, "last_action"),
                error: text(&state, "last_error"),
                session: text(&state, "instance_session_id"),
            },
            Err(error) => Self::unknown(&error),
        }
    }

    fn unknown(error: &Error) -> Self {
        Self {
            action: Some("unknown".into()),
            error: Some(error.to_string()),
            session: None,
        }
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
    name.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, action: Option<&str>, error: Option<&str>) -> InstanceRow {
        InstanceRow {
            name: name.into(),
            plugins: ["Dummy", "Shell", "Busser", "Ssh"].map(Into::into),
            transport: "Docker".into(),
            last: Last {
                action: action.map(Into::into),
                error: error.map(Into::into),
                session: None,
            },
            status: None,
        }
    }

    #[test]
    fn names_of_classes() {
        for (name, class) in [
            ("docker", "Docker"),
            ("chef_zero", "ChefZero"),
            ("ec2", "Ec2"),
        ] {
            assert_eq!(super::class(name), class);
        }
    }

    #[test]
    fn the_table_is_thors() {
        let rows = [
            row("default-ubuntu-2204", None, None),
            row("web-a", Some("setup"), Some("Kitchen::ActionFailed\nmore")),
        ];
        let cells: Vec<_> = rows.iter().map(InstanceRow::cells).collect();
        let show = |colours| {
            let mut out = Vec::new();
            super::super::table::print(&cells, colours, &mut out).expect("memory");
            String::from_utf8(out).expect("text")
        };
        insta::assert_snapshot!(show(false));
        assert_eq!(console::strip_ansi_codes(&show(true)), show(false));
        assert!(show(true).contains("\u{1b}[31m<Not Created>\u{1b}[0m"));
    }

    #[test]
    fn json_has_the_keys_of_test_kitchen() {
        insta::assert_snapshot!(format!("{:#}", row("a-b", Some("create"), None).json()));
    }

    #[test]
    fn a_large_cluster_stays_on_its_line() {
        let row = ClusterRow {
            name: "web-a".into(),
            drivers: vec!["Sandbox".into(), "Docker".into()],
            suites: (1..=50).map(|number| format!("web{number}")).collect(),
            members: Vec::new(),
            step: Some("3 verify web1".into()),
            lives: true,
            error: Some("exit code 1".into()),
            broken: Vec::new(),
            statuses: Vec::new(),
        };
        let cells: Vec<String> = row.cells().into_iter().map(|cell| cell.0).collect();
        let suites = "web1, web2, web3, web4, web5, … (50)";
        assert_eq!(
            cells,
            [
                "web-a",
                "Sandbox, Docker",
                suites,
                "3 verify web1",
                "exit code 1"
            ]
        );
    }
}
