//! Images that are built from a Dockerfile: how often, for whom, and what becomes of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{self, Machine, Project};
use banquet_docker::Docker;
use banquet_sdk::{Driver, Line, Orphan, Output, State, async_trait};
use bollard::models::ContainerConfig;
use bollard::query_parameters::{CommitContainerOptions, RemoveImageOptions};
use serde_json::{Value, json};

/// Goes on only where there is an engine.
macro_rules! project {
    ($dockerfile:expr) => {{
        if !support::docker().await {
            return;
        }
        let project = Project::new();
        write(
            &project,
            "Dockerfile",
            &$dockerfile.replace("BASE", support::IMAGE),
        );
        project
    }};
}

fn write(project: &Project, name: &str, text: &str) {
    std::fs::write(project.root.path().join(name), text).unwrap();
}

/// A Dockerfile whose image is another one at each build.
const RANDOM: &str = "FROM BASE\nRUN cat /proc/sys/kernel/random/uuid > /id\n";
const COPIES: &str = "FROM BASE\nCOPY greeting /greeting\n";

fn dockerfile() -> Value {
    json!({"dockerfile": "Dockerfile"})
}

/// The project's images, as its driver lists them to `machine`.
async fn images(machine: &Machine<'_>) -> Vec<Orphan> {
    let listed = machine.project.driver.orphans(&machine.cx).await.unwrap();
    let ours = listed.into_iter().filter(|it| {
        it.identity.project == machine.project.name && it.resource.starts_with("image ")
    });
    ours.collect()
}

/// The name of the image that the machine was made from.
fn image(machine: &Machine<'_>) -> String {
    machine.state.str("docker_image").unwrap().to_owned()
}

async fn id_of(image: &str) -> Option<String> {
    let engine = support::engine().await;
    engine.inspect_image(image).await.ok()?.id
}

/// Removes all that is left of the project's images.
async fn clear(machine: &Machine<'_>) {
    for image in images(machine).await {
        let driver = &machine.project.driver;
        assert!(driver.reclaim(&machine.cx, &image).await.unwrap());
    }
    assert_eq!(images(machine).await, []);
}

async fn create_all(machines: &mut [Machine<'_>]) {
    let created = futures::future::join_all(machines.iter_mut().map(Machine::create)).await;
    assert!(created.iter().all(Result::is_ok), "{created:?}");
}

#[tokio::test]
async fn an_image_is_built_once_for_many_and_removed_on_demand() {
    let project =
        project!("FROM BASE\nARG WHO\nCOPY greeting /greeting\nRUN echo \"$WHO\" >> /greeting\n");
    write(&project, "greeting", "hello\n");
    let section = json!({
        "dockerfile": "Dockerfile", "build_args": {"WHO": "world"}, "provision_command": "touch /provisioned",
        "remove_images": true,
    });
    let mut machines: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|suite| project.machine(suite, section.clone()))
        .collect();
    create_all(&mut machines).await;
    let built = image(&machines[0]);
    for machine in &machines {
        assert_eq!(image(machine), built);
        assert_eq!(
            machine.says("cat /greeting; ls /provisioned").await,
            "hello\nworld\n/provisioned"
        );
    }
    let engine = support::engine().await;
    let inspected = engine.inspect_image(&built).await.unwrap();
    let labels = inspected.config.unwrap().labels.unwrap();
    assert_eq!(labels["org.banquet.image.project"], project.name);
    // What somebody makes from it is theirs.
    assert!(!labels.contains_key("org.banquet.project"));
    let listed = images(&machines[0]).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].cache && listed[0].is_noted_in(machines[1].state.values()));
    for machine in &mut machines {
        machine.destroy().await;
    }
    assert_eq!(id_of(&built).await, None);
}

#[tokio::test]
async fn two_kitchens_at_once_build_one_image() {
    let project = project!(RANDOM);
    let mut one = project.machine("a", dockerfile());
    let mut two = project.machine("b", dockerfile());
    // Another process knows nothing of what this one has built.
    let other = Docker::default();
    let (first, second) = tokio::join!(
        project.driver.create(&one.cx, &mut one.state),
        other.create(&two.cx, &mut two.state)
    );
    first.and(second).unwrap();
    assert_eq!(one.says("cat /id").await, two.says("cat /id").await);
    assert_eq!(images(&one).await.len(), 1);
    one.destroy().await;
    two.destroy().await;
    clear(&one).await;
}

#[tokio::test]
async fn an_image_that_was_removed_meanwhile_is_built_again() {
    let project = project!(RANDOM);
    let section = json!({"dockerfile": "Dockerfile", "remove_images": true});
    let mut machine = project.machine("a", section);
    machine.create().await.unwrap();
    machine.destroy().await;
    machine.create().await.unwrap();
    machine.destroy().await;
    assert_eq!(images(&machine).await, []);
}

#[tokio::test]
async fn what_is_not_copied_makes_no_other_image() {
    let project = project!(COPIES);
    write(&project, "greeting", "hello");
    write(&project, "kitchen.yml", "one");
    let mut machine = project.machine("a", dockerfile());
    machine.create().await.unwrap();
    let (first, id) = (image(&machine), id_of(&image(&machine)).await);
    machine.destroy().await;
    write(&project, "kitchen.yml", "two");
    let mut later = project.machine("b", dockerfile());
    later.cx.identity.run = "later".into();
    later.create().await.unwrap();
    assert_ne!(image(&later), first);
    assert_eq!(id_of(&image(&later)).await, id);
    assert_eq!(id_of(&first).await, None, "one image has one name");
    later.destroy().await;
    clear(&later).await;
}

#[tokio::test]
async fn a_superseded_image_is_found_once_nothing_uses_it() {
    let project = project!(COPIES);
    write(&project, "greeting", "hello");
    let mut machine = project.machine("a", dockerfile());
    machine.create().await.unwrap();
    let old = image(&machine);
    write(&project, "greeting", "good day");
    machine.cx.identity.run = "later".into();
    let found = images(&machine).await;
    assert!(
        found.len() == 1 && found[0].cache,
        "it is in use: {found:?}"
    );
    let refused = project.driver.reclaim(&machine.cx, &found[0]).await;
    let error = refused.unwrap_err();
    assert!(error.message.contains("a container uses it"), "{error}");
    let mut later = project.machine("b", dockerfile());
    later.cx.identity.run = "later".into();
    later.create().await.unwrap();
    let new = image(&later);
    later.destroy().await;
    machine.destroy().await;
    let found = images(&machine).await;
    let kept = |name: &String| {
        let mut named = found.iter().filter(|it| it.names.contains(name));
        named.next().map(|it| it.cache)
    };
    assert_eq!((kept(&old), kept(&new)), (Some(false), Some(true)));
    // Other settings would build another one, and none of theirs is removed for it.
    let mut other = project.machine(
        "c",
        json!({"dockerfile": "Dockerfile", "build_args": {"A": 1}, "remove_images": true}),
    );
    other.destroy().await;
    assert_eq!(images(&machine).await.len(), 2);
    // What a lost state knew is found by what the settings say.
    let section = json!({"dockerfile": "Dockerfile", "remove_images": true});
    let mut lost = project.machine("a", section);
    lost.state = State::in_memory();
    lost.destroy().await;
    assert_eq!(images(&machine).await, []);
}

/// Tells of the first line that has `text` in it.
struct Watch {
    text: &'static str,
    seen: tokio::sync::Notify,
}

#[async_trait]
impl Output for Watch {
    async fn line(&self, line: Line) {
        if line.text.contains(self.text) {
            self.seen.notify_one();
        }
    }
}

#[tokio::test]
async fn what_a_killed_build_leaves_behind_is_found_and_removed() {
    let project = project!("FROM BASE\nRUN touch /made\nRUN echo under''way; sleep 3600\n");
    let mut machine = project.machine("a", dockerfile());
    let watch = Arc::new(Watch {
        text: "underway",
        seen: tokio::sync::Notify::new(),
    });
    machine.cx.output = watch.clone();
    let (driver, cx) = (&project.driver, &machine.cx);
    tokio::select! {
        made = driver.create(cx, &mut machine.state) => panic!("{made:?}"),
        () = watch.seen.notified() => {}
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // The engine ends the build once it has seen that nobody listens.
        let found = images(&machine).await;
        match found.as_slice() {
            [left] if !left.cache && driver.reclaim(cx, left).await.is_ok() => break,
            _ => assert!(Instant::now() < deadline, "{found:?}"),
        }
    }
    assert_eq!(images(&machine).await, []);
}

#[tokio::test]
async fn the_stages_of_an_image_go_with_it() {
    let project = project!(
        "FROM BASE AS made\nRUN cat /proc/sys/kernel/random/uuid > /id\nFROM BASE\nCOPY --from=made /id /id\n"
    );
    let mut machine = project.machine("a", dockerfile());
    machine.create().await.unwrap();
    machine.destroy().await;
    let found = images(&machine).await;
    assert_eq!(found.len(), 2, "the image and the stage: {found:?}");
    assert!(found.iter().all(|it| it.cache), "{found:?}");
    let section = json!({"dockerfile": "Dockerfile", "remove_images": true});
    project.machine("b", section).destroy().await;
    assert_eq!(images(&machine).await, []);
}

#[tokio::test]
async fn what_others_make_from_an_image_is_theirs() {
    let project = project!(RANDOM);
    let section = json!({"dockerfile": "Dockerfile", "remove_images": true});
    let mut machine = project.machine("a", section);
    machine.create().await.unwrap();
    let built = id_of(&image(&machine)).await.unwrap();
    machine.says("echo theirs > /mark").await;
    let engine = support::engine().await;
    let options = CommitContainerOptions {
        container: Some(machine.container()),
        ..CommitContainerOptions::default()
    };
    let theirs = engine
        .commit_container(options, ContainerConfig::default())
        .await
        .unwrap();
    let listed = images(&machine).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].names.contains(&built));
    machine.destroy().await;
    assert!(id_of(&theirs.id).await.is_some());
    let options = RemoveImageOptions::default();
    engine
        .remove_image(&theirs.id, Some(options), None)
        .await
        .unwrap();
    machine.destroy().await;
    assert_eq!(images(&machine).await, []);
}
