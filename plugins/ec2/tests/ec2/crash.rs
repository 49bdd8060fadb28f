//! The kitchen dies between asking for a machine and hearing of it.

use std::time::Duration;

use banquet_sdk::State;
use serde_json::json;

use crate::support::{Machine, Project, cloud};

/// Asks for a machine whose answer never comes, and dies once EC2 has it.
async fn cut_off(web: &mut Machine<'_>) -> String {
    let project = web.project;
    let made = async {
        loop {
            if let [machine] = &project.machines().await[..] {
                return machine.instance_id().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let id = tokio::select! {
        created = web.create() => panic!("an answer came: {created:?}"),
        id = made => id,
    };
    assert_eq!(web.state.str("server_id"), None);
    web.killed();
    assert!(web.state.str("ec2_client_token").is_some());
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_finds_the_machine_that_nobody_heard_of() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"instance_type": "never.answers"}));
    cut_off(&mut web).await;
    web.destroy().await;
    assert_eq!(project.left(&web).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_without_the_state() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"instance_type": "never.answers"}));
    cut_off(&mut web).await;
    web.state = State::in_memory();
    web.destroy().await;
    assert_eq!(project.left(&web).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_takes_it_and_makes_no_second_one() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"instance_type": "never.answers"}));
    let id = cut_off(&mut web).await;
    web.create().await.unwrap();
    assert_eq!(web.id(), id);
    assert_eq!(project.machines().await.len(), 1);
    assert_eq!(web.says("id -un").await, "admin");
    web.destroy().await;
    assert_eq!(project.left(&web).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_our_tags_is_never_touched() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let others = Project::new(cloud);
    let mut theirs = others.machine(json!({}));
    theirs.create().await.unwrap();
    let mut web = project.machine(json!({}));
    web.state.set("server_id", theirs.id());
    let error = web.create().await.unwrap_err();
    assert!(
        error.message.contains("does not bear this instance's tags"),
        "{error}"
    );
    web.state.set("server_id", theirs.id());
    web.destroy().await;
    assert!(
        web.notes.text().contains("left alone"),
        "{}",
        web.notes.text()
    );
    assert_eq!(others.machines().await.len(), 1);
    theirs.destroy().await;
}
