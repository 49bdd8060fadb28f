//! A kitchen that is killed while it makes a cluster: what is on disk and the labels are enough.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use banquet_sdk::{Driver, Result, State, StateStore};
use serde_json::{Map, Value};
use support::{Machine, Project, create_all, project};

const PLACE: &str = "BANQUET_TEST_PLACE";

/// A state on disk, replaced as a whole.
struct OnDisk(PathBuf);

impl StateStore for OnDisk {
    fn save(&self, values: &Map<String, Value>) -> Result<()> {
        let fresh = self.0.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(values).unwrap())?;
        Ok(std::fs::rename(fresh, &self.0)?)
    }
}

fn members(project: &Project, place: &Path) -> Vec<Machine> {
    ["db", "web1", "web2"]
        .into_iter()
        .map(|suite| {
            let mut machine = project.machine(Some("shop"), suite);
            let path = place.join(format!("{suite}.json"));
            let values = std::fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
            let values = serde_json::from_slice(&values).unwrap();
            machine.state = State::new(values, Arc::new(OnDisk(path)));
            machine
        })
        .collect()
}

/// The kitchen that is killed: makes the cluster and stays.
#[tokio::test]
#[ignore = "a part of the other test"]
async fn make() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let project = Project::of(&place);
    println!("\ngo");
    create_all(&project.driver, &mut members(&project, &place)).await;
    println!("\nmade");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_is_left_after_a_kill_at_any_moment() {
    let Some(project) = project().await else {
        return;
    };
    let place = &project.root;
    for millis in [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 20, 25, 30, 40, 60] {
        let mut kitchen = Command::new(std::env::current_exe().unwrap())
            .args(["make", "--exact", "--ignored", "--nocapture"])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(kitchen.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "go"));
        // Not to wait for anything: the moment of the kill is what is tried.
        tokio::time::sleep(Duration::from_millis(millis)).await;
        kitchen.kill().unwrap();
        kitchen.wait().unwrap();
        let mut members = members(&project, place);
        for member in &mut members {
            let destroyed = project.driver.destroy(&member.cx, &mut member.state).await;
            destroyed.unwrap();
        }
        project.driver.dissolve(&members[0].cx).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !project.helpers().is_empty() {
            assert!(
                Instant::now() < deadline,
                "after {millis} ms: {:?}",
                project.helpers()
            );
            tokio::task::yield_now().await;
        }
        for suite in ["db", "web1", "web2"] {
            let _ = std::fs::remove_file(place.join(format!("{suite}.json")));
        }
    }
}
