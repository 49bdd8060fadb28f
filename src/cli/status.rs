//! What drivers and transports say of instances now, for `list --live` and `--probe`
//! (lib/kitchen/instance.rb, `status`).

use std::sync::Arc;

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
    /// Whether the transport reached it; none: not tried.
    reached: Option<Result<(), String>>,
    checked: String,
}

/// Asks about all at once; with `probe` their transports too.
pub fn of(
    loaded: &Loaded,
    instances: &[Arc<Instance>],
    probe: bool,
) -> Result<Vec<Option<Status>>, Fault> {
    let asked = instances
        .iter()
        .map(|instance| ask(loaded, instance, probe));
    let statuses = super::runtime()?.block_on(futures::future::join_all(asked));
    Ok(statuses.into_iter().map(Some).collect())
}

async fn ask(loaded: &Loaded, instance: &Instance, probe: bool) -> Status {
    let mut status = Status {
        live: None,
        state: "unknown",
        message: None,
        reached: None,
        checked: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
    };
    let machine = match Machine::read(loaded, instance) {
        Ok(machine) => machine,
        Err(fault) => {
            status.message = Some(fault.to_string());
            return status;
        }
    };
    match loaded.registry.driver(&instance.driver.name) {
        Err(unknown) => status.message = Some(unknown.to_string()),
        Ok(driver) => {
            use banquet_sdk::Status::{Absent, Paused, Running, Stopped};
            let told = driver
                .status(&machine.context(Kind::Driver), &machine.state)
                .await;
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
            true => machine
                .connect()
                .await
                .map(drop)
                .map_err(|fault| fault.to_string()),
            false => Err("Instance has not yet been created".into()),
        };
        status.reached = Some(reached);
    }
    status
}

impl Status {
    /// For the table.
    pub fn cell(&self) -> Cell {
        match (&self.reached, self.live) {
            (Some(Ok(())), _) => (format!("{} (reachable)", self.state), GREEN),
            (Some(Err(_)), _) => (format!("{} (unreachable)", self.state), RED),
            (None, Some(true)) => (self.state.into(), GREEN),
            (None, Some(false)) => (self.state.into(), RED),
            (None, None) => (self.state.into(), WHITE),
        }
    }

    /// With the keys of Test Kitchen.
    pub fn json(&self) -> Value {
        let mut status = json!({
            "live": self.live,
            "state": self.state,
            "source": "driver",
            "message": self.message,
            "checked_at": self.checked,
        });
        if let Some(reached) = &self.reached {
            status["transport_probe"] = json!({
                "reachable": reached.is_ok(),
                "state": if reached.is_ok() { "reachable" } else { "unreachable" },
                "source": "transport",
                "message": reached.as_ref().err(),
                "checked_at": self.checked,
            });
        }
        status
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

    fn status(live: Option<bool>, reached: Option<Result<(), String>>) -> Status {
        Status {
            live,
            state: "running",
            message: None,
            reached,
            checked: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_status_says_what_was_tried() {
        for (status, text) in [
            (status(Some(true), None), "running"),
            (status(Some(true), Some(Ok(()))), "running (reachable)"),
            (
                status(None, Some(Err("no route".into()))),
                "running (unreachable)",
            ),
        ] {
            assert_eq!(status.cell().0, text);
        }
        let json = status(Some(true), Some(Err("no route".into()))).json();
        assert_eq!(json["transport_probe"]["message"], "no route");
        assert!(status(None, None).json().get("transport_probe").is_none());
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
