//! What drivers and transports say of instances now, for `list --live` and `--probe`
//! (lib/kitchen/instance.rb, `status`).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::Fault;
use super::loaded::Loaded;
use super::machine::Machine;
use super::table::{Cell, GREEN, RED, WHITE};
use crate::matrix::{Instance, Kind};

/// What is known of one instance.
pub struct Status {
    live: Option<bool>,
    state: &'static str,
    message: Option<String>,
    /// What the machine is called where it is made.
    resource: Option<String>,
    /// Whether the transport reached it; none: not tried.
    reached: Option<Reached>,
    checked: String,
}

/// What a transport made of an attempt.
enum Reached {
    Yes,
    /// There is nothing to be reached.
    NotCreated,
    No(String),
}

/// Keys under which drivers note what their platform calls the machine.
const RESOURCES: [&str; 6] = [
    "container_id",
    "server_id",
    "instance_id",
    "vm_name",
    "resource_id",
    "my_id",
];

/// Asks about all at once; with `probe` their transports too.
pub fn of(
    loaded: &Loaded,
    instances: &[Arc<Instance>],
    probe: bool,
    limit: Duration,
) -> Result<Vec<Option<Status>>, Fault> {
    let asked = instances
        .iter()
        .map(|instance| ask(loaded, instance, probe, limit));
    let statuses = super::runtime()?.block_on(futures::future::join_all(asked));
    Ok(statuses.into_iter().map(Some).collect())
}

async fn ask(loaded: &Loaded, instance: &Arc<Instance>, probe: bool, limit: Duration) -> Status {
    let mut status = Status {
        live: None,
        state: "unknown",
        message: None,
        resource: None,
        reached: None,
        checked: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
    };
    let machine = match Machine::read(loaded, instance).map(|it| it.within(limit)) {
        Ok(machine) => machine,
        Err(fault) => {
            status.message = Some(fault.to_string());
            return status;
        }
    };
    let resource = RESOURCES.iter().find_map(|key| machine.state.str(key));
    status.resource = resource.map(str::to_owned);
    match loaded.registry.driver(&instance.driver.name) {
        Err(unknown) => status.message = Some(unknown.to_string()),
        Ok(driver) => {
            use banquet_sdk::Status::{Absent, Paused, Running, Stopped};
            let context = machine.context(Kind::Driver);
            let asked = driver.status(&context, &machine.state);
            let told = machine.bounded(Kind::Driver, asked).await;
            (status.live, status.state) = match told {
                Ok(Absent) => (Some(false), "not_created"),
                Ok(Running) => (Some(true), "running"),
                Ok(Stopped) => (Some(false), "stopped"),
                Ok(Paused) => (Some(false), "paused"),
                Err(error) => {
                    status.message = Some(error.message);
                    (None, "unknown")
                }
            };
        }
    }
    if probe {
        let reached = match machine.lives() {
            true => match machine.connect().await {
                Ok(_) => Reached::Yes,
                Err(fault) => Reached::No(fault.to_string()),
            },
            false => Reached::NotCreated,
        };
        status.reached = Some(reached);
    }
    status
}

impl Status {
    /// For the table.
    pub fn cell(&self) -> Cell {
        match (&self.reached, self.live) {
            (Some(reached), _) => {
                let colour = match reached {
                    Reached::Yes => GREEN,
                    Reached::NotCreated | Reached::No(_) => RED,
                };
                (format!("{} ({})", self.state, reached.state()), colour)
            }
            (None, Some(true)) => (self.state.into(), GREEN),
            (None, Some(false)) => (self.state.into(), RED),
            (None, None) => (self.state.into(), WHITE),
        }
    }

    /// With the keys of Test Kitchen; what is not known is left out.
    pub fn json(&self) -> Value {
        let mut status = json!({
            "live": self.live,
            "state": self.state,
            "source": "driver",
            "resource_id": self.resource,
            "message": self.message,
            "checked_at": self.checked,
        });
        if let Some(reached) = &self.reached {
            status["transport_probe"] = json!({
                "reachable": matches!(reached, Reached::Yes),
                "state": reached.state(),
                "source": "transport",
                "message": reached.message(),
                "checked_at": self.checked,
            });
        }
        if let Some(status) = status.as_object_mut() {
            status.retain(|_, value| !value.is_null());
        }
        status
    }
}

impl Reached {
    fn state(&self) -> &'static str {
        match self {
            Self::Yes => "reachable",
            Self::NotCreated => "not_created",
            Self::No(_) => "unreachable",
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Yes => "Transport connection succeeded",
            Self::NotCreated => "Instance has not yet been created",
            Self::No(why) => why,
        }
    }
}

/// `2 of 3 live`
pub fn summed(statuses: &[Status]) -> Cell {
    let live = statuses
        .iter()
        .filter(|status| status.live == Some(true))
        .count();
    let colour = if live == statuses.len() { GREEN } else { RED };
    (format!("{live} of {} live", statuses.len()), colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(live: Option<bool>, reached: Option<Reached>) -> Status {
        Status {
            live,
            state: "running",
            message: None,
            resource: None,
            reached,
            checked: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_status_says_what_was_tried() {
        let no = || Some(Reached::No("no route".into()));
        for (status, text) in [
            (status(Some(true), None), "running"),
            (
                status(Some(true), Some(Reached::Yes)),
                "running (reachable)",
            ),
            (
                status(None, Some(Reached::NotCreated)),
                "running (not_created)",
            ),
            (status(None, no()), "running (unreachable)"),
        ] {
            assert_eq!(status.cell().0, text);
        }
        let json = status(Some(true), no()).json();
        assert_eq!(json["transport_probe"]["message"], "no route");
        let json = status(None, None).json();
        let keys: Vec<&str> = json
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
            .collect();
        assert_eq!(keys, ["state", "source", "checked_at"]);
    }

    #[test]
    fn a_cluster_counts_its_living() {
        let some = [
            status(Some(true), None),
            status(Some(false), None),
            status(None, None),
        ];
        assert_eq!(summed(&some), ("1 of 3 live".into(), RED));
    }
}
