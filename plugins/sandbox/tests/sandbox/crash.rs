//! A kitchen that ends at any moment: what is on disk and the labels are enough.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Driver, Result, State, StateStore};
use serde_json::{Map, Value};

use crate::support::{Machine, Project, create_all, destroy_all, gone, project};

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
            .args(["crash::make", "--exact", "--ignored", "--nocapture"])
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
        gone(&project).await;
        for suite in ["db", "web1", "web2"] {
            let _ = std::fs::remove_file(place.join(format!("{suite}.json")));
        }
    }
}

#[tokio::test]
async fn a_lost_or_half_written_state_is_no_leak() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    let mut machine = project.machine(None, "web");
    driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let mut lone = project.machine(Some("shop"), "web");
    lone.state = machine.state.clone();
    let Machine { cx, state, .. } = &mut lone;
    let error = driver.create(cx, state).await.unwrap_err();
    assert!(error.message.contains("network of shop"), "{error}");
    driver
        .destroy(&machine.cx, &mut State::in_memory())
        .await
        .unwrap();
    gone(&project).await;
    // As after a kill at any moment: only what was on disk before the instance was made.
    let mut members = ["db", "web"].map(|suite| project.machine(Some("shop"), suite));
    create_all(driver, &mut members).await;
    let orphans = driver.orphans(&members[0].cx).await.unwrap();
    let ours = orphans
        .iter()
        .filter(|orphan| orphan.identity.project == members[0].cx.identity.project);
    assert_eq!(ours.count(), 3);
    members[0].state.remove("sandbox_init");
    members[1].state = State::in_memory();
    let Machine { cx, state, .. } = &mut members[0];
    driver.create(cx, state).await.unwrap();
    assert_eq!(project.helpers().len(), 3);
    std::fs::write(project.root.join(".kitchen/work/shop.lock"), "{\"cut").unwrap();
    destroy_all(driver, &mut members).await;
    gone(&project).await;
}

#[tokio::test]
async fn a_creation_that_is_dropped_at_any_moment_is_no_leak() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    for micros in [
        0, 500, 1000, 2000, 4000, 6000, 8000, 12000, 16000, 24000, 32000,
    ] {
        let mut machine = project.machine(None, "web");
        let Machine { cx, state, store } = &mut machine;
        let limit = Duration::from_micros(micros);
        let _ = tokio::time::timeout(limit, driver.create(cx, state)).await;
        let on_disk = store.0.lock().unwrap().clone();
        let mut state = State::new(on_disk, store.clone());
        driver.destroy(cx, &mut state).await.unwrap();
        gone(&project).await;
    }
}
