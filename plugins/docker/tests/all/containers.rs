//! What is particular to containers: networks, names, adoption, addresses, labels, images.

use std::time::{Duration, Instant};

use crate::support::{self, Machine, Project};
use banquet_sdk::{Driver, Error, ErrorKind, Exec, ExitStatus, Power, State, Status};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use serde_json::json;

/// Goes on only where there is an engine.
macro_rules! project {
    () => {{
        if !support::docker().await {
            return;
        }
        Project::new()
    }};
}

/// The networks of a project, as the engine lists them.
async fn networks(project: &Project) -> usize {
    let label = format!("org.banquet.project={}", project.name);
    let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListNetworksOptionsBuilder::default()
        .filters(&filters)
        .build();
    let found = support::engine().await.list_networks(Some(options)).await;
    found.unwrap().len()
}

async fn create_all(machines: &mut [Machine<'_>]) {
    for machine in machines.iter_mut() {
        machine.gossip().await;
    }
    let created = futures::future::join_all(machines.iter_mut().map(Machine::create)).await;
    created
        .into_iter()
        .collect::<Result<Vec<()>, Error>>()
        .unwrap();
}

#[tokio::test]
async fn members_of_a_cluster_resolve_each_others_names_on_one_network() {
    let project = project!();
    let mut members = [
        project.member(Some("web"), "db", json!({"hostname": "db.local"})),
        project.member(Some("web"), "web1", json!({"hostname_aliases": "www"})),
        project.member(Some("web"), "web2", json!({})),
    ];
    create_all(&mut members).await;
    assert_eq!(networks(&project).await, 1);
    for (from, to) in [(1, 0), (0, 1), (2, 1)] {
        let address = members[to].state.str("address").unwrap();
        let suite = &members[to].cx.identity.suite;
        let instance = &members[to].cx.identity.instance;
        for name in [suite, instance] {
            let resolved = members[from]
                .says(&format!("ping -c1 -W5 {name} | head -1"))
                .await;
            assert!(
                resolved.contains(address),
                "{name}: {resolved}, not {address}"
            );
        }
    }
    for name in ["db.local", "www"] {
        members[2].says(&format!("ping -c1 -W5 {name}")).await;
    }
    assert_eq!(members[0].says("hostname").await, "db.local");
    assert_eq!(members[1].says("hostname").await, "web1-busybox");
    for member in &mut members {
        member.destroy().await;
    }
    members[0].dissolve().await;
    members[0].dissolve().await;
    assert_eq!(networks(&project).await, 0);
}

#[tokio::test]
async fn a_later_member_joins_the_network_that_is_there() {
    let project = project!();
    let mut first = [project.member(Some("web"), "db", json!({}))];
    create_all(&mut first).await;
    let later_run = Project {
        name: project.name.clone(),
        ..Project::new()
    };
    let mut later = [later_run.member(Some("web"), "web1", json!({}))];
    create_all(&mut later).await;
    assert_eq!(networks(&project).await, 1);
    later[0].says("ping -c1 -W5 db").await;
    later[0].destroy().await;
    first[0].destroy().await;
    first[0].dissolve().await;
    assert_eq!(networks(&project).await, 0);
}

#[tokio::test]
async fn a_container_of_a_lost_state_is_adopted_in_its_run() {
    let project = project!();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    let id = machine.container();
    machine.state = State::in_memory();
    machine.create().await.unwrap();
    assert_eq!(machine.container(), id);
    machine.destroy().await;
    assert_eq!(machine.status().await, Status::Absent);
}

#[tokio::test]
async fn a_name_in_use_by_another_is_an_error_and_the_other_stays() {
    let project = project!();
    let other = Project::new();
    let mut theirs = other.machine(
        "web",
        json!({"instance_name": format!("bq-{}", other.name)}),
    );
    theirs.create().await.unwrap();
    let name = json!({"instance_name": format!("bq-{}", other.name)});
    let mut ours = project.machine("web", name);
    let error = ours.create().await.unwrap_err();
    assert!(error.message.contains("already in use"), "{error}");
    assert_eq!(error.key.as_deref(), Some("/instance_name"));
    ours.destroy().await;
    assert_eq!(theirs.status().await, Status::Running);
    theirs.destroy().await;
}

#[tokio::test]
async fn a_missing_image_says_how_to_get_one() {
    let project = project!();
    let image = format!("localhost:1/missing-{}:1", project.name);
    let mut machine = project.machine("web", json!({"image": image, "pull": "never"}));
    let error = machine.create().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains(&image), "{error}");
    assert!(error.hints[0].contains("docker build"), "{:?}", error.hints);
    let mut machine = project.machine("web", json!({"image": image}));
    let error = machine.create().await.unwrap_err();
    assert!(
        error
            .message
            .starts_with(&format!("pull the image {image}")),
        "{error}"
    );
    assert!(!error.hints.is_empty());
    let started = Instant::now();
    machine.destroy().await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "nothing was made: nothing to wait for"
    );
}

#[tokio::test]
async fn the_sections_settings_reach_the_container() {
    let project = project!();
    let mut machine = project.machine(
        "web",
        json!({
            "env": {"COLOUR": "blue"}, "tmpfs": ["/fast:size=1m"], "volume": "/data",
            "cap_drop": "CHOWN", "memory": "64m", "init": true, "add_host": "far:192.0.2.7",
        }),
    );
    machine.create().await.unwrap();
    assert_eq!(machine.says("echo $COLOUR").await, "blue");
    assert!(machine.says("mount").await.contains("tmpfs on /fast"));
    assert!(
        machine
            .says("grep far /etc/hosts")
            .await
            .contains("192.0.2.7")
    );
    let (status, ..) = machine.sh("touch /x && chown 1:1 /x").await;
    assert_ne!(status, ExitStatus(0));
    let found = support::engine()
        .await
        .inspect_container(&machine.container(), None)
        .await;
    assert_eq!(found.unwrap().host_config.unwrap().memory, Some(64 << 20));
    machine.destroy().await;
}

#[tokio::test]
async fn files_reach_directories_in_memory() {
    let project = project!();
    let mut machine = project.machine("web", json!({"tmpfs": "/fast"}));
    machine.create().await.unwrap();
    let file = project.root.path().join("note");
    std::fs::write(&file, "kept").unwrap();
    let connection = machine.connect().await;
    connection.upload(&[&file], "/fast/deep/er").await.unwrap();
    assert_eq!(machine.says("cat /fast/deep/er/note").await, "kept");
    let back = project.root.path().join("back");
    connection.download(&["/fast/deep"], &back).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(back.join("deep/er/note")).unwrap(),
        "kept"
    );
    machine.destroy().await;
}

#[tokio::test]
async fn files_reach_images_without_tar() {
    let project = project!();
    let mut machine = project.machine(
        "web",
        json!({"provision_command": "rm /bin/tar", "remove_images": true}),
    );
    machine.create().await.unwrap();
    let file = project.root.path().join("note");
    std::fs::write(&file, "kept").unwrap();
    let connection = machine.connect().await;
    connection.upload(&[&file], "/var/deep").await.unwrap();
    assert_eq!(machine.says("cat /var/deep/note").await, "kept");
    let back = project.root.path().join("back");
    connection.download(&["/var/deep"], &back).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(back.join("deep/note")).unwrap(),
        "kept"
    );
    machine.destroy().await;
}

#[tokio::test]
async fn commands_run_as_the_user_and_in_the_directory_that_the_transport_names() {
    let project = project!();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    let section = json!({"username": "guest", "working_dir": "/etc", "env_variables": ["A=1"]});
    let connection = machine.connect_with(section).await.unwrap();
    let whole = Exec::new("id -un; pwd; echo $A");
    assert_eq!(
        support::run(&*connection, &whole).await.1,
        "guest\n/etc\n1\n"
    );
    let root = Exec {
        user: Some("root".into()),
        ..Exec::new("id -un")
    };
    assert_eq!(support::run(&*connection, &root).await.1, "root\n");
    machine.destroy().await;
}

#[tokio::test]
async fn a_dropped_command_takes_what_it_started_but_spares_daemons() {
    let project = project!();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    let connection = machine.connect().await;
    let command = "setsid sleep 5001 & sleep 5002 & touch /up; timeout 600 sleep 5003";
    let (exec, output) = (Exec::new(command), banquet_sdk::Discard);
    let running = connection.exec(&exec, &output);
    let seen = async { while machine.sh("test -e /up && pidof sleep").await.0 != ExitStatus(0) {} };
    tokio::select! {
        ended = running => panic!("{ended:?}"),
        () = seen => {}
    }
    let sleepers = "ps -o args | grep '^sleep 500' | sort | tr '\\n' ,";
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = machine.says(sleepers).await;
        if left == "sleep 5001," {
            break;
        }
        assert!(Instant::now() < deadline, "still there: {left}");
    }
    machine.destroy().await;
}

#[tokio::test]
async fn a_started_container_is_reached_at_its_new_address() {
    let project = project!();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    machine.power(Power::Stop).await;
    machine.power(Power::Stop).await;
    // Somebody else takes the address meanwhile.
    let mut other = project.machine("other", json!({}));
    other.create().await.unwrap();
    machine.power(Power::Start).await;
    let address = machine.says("hostname -i").await;
    assert_eq!(machine.state.str("address"), Some(address.as_str()));
    let connection = machine.connect().await;
    machine
        .says("nc -ll -p 7001 -e echo >/dev/null 2>&1 &")
        .await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = connection.dial(7001).await {
        assert!(Instant::now() < deadline, "{error}");
    }
    machine.destroy().await;
    other.destroy().await;
}

#[tokio::test]
async fn a_container_that_ends_at_once_is_told_with_its_last_words() {
    let project = project!();
    let command = "sh -c 'echo no such luck; exit 3'";
    let mut machine = project.machine("web", json!({"run_command": command}));
    machine.create().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let error = loop {
        // Until it has ended it can be reached.
        match machine.connect_with(json!({})).await {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < deadline, "it never ends"),
        }
    };
    assert!(
        error.message.contains("exit code 3") && error.message.contains("no such luck"),
        "{error}"
    );
    machine.destroy().await;
}

#[tokio::test]
async fn a_container_is_saved_as_an_image() {
    let project = project!();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    machine.says("echo saved > /mark").await;
    let driver = &project.driver;
    let image = driver
        .package(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    machine.destroy().await;
    let image = image.to_str().unwrap();
    // What somebody makes from it is theirs.
    let engine = support::engine().await;
    let saved = engine.inspect_image(image).await.unwrap();
    let labels = saved.config.and_then(|config| config.labels);
    let ours = labels.unwrap_or_default().into_iter();
    let mut ours = ours.filter(|(_, value)| *value == project.name);
    assert_eq!(ours.next(), None);
    let mut copy = project.machine("copy", json!({"image": image, "pull": "never"}));
    copy.create().await.unwrap();
    assert_eq!(copy.says("cat /mark").await, "saved");
    copy.destroy().await;
    let options = bollard::query_parameters::RemoveImageOptions::default();
    engine
        .remove_image(image, Some(options), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let project = Project::new();
    let socket = format!("unix://{}/none.sock", project.root.path().display());
    let mut machine = project.machine("web", json!({"socket": socket}));
    let error = machine.create().await.unwrap_err();
    assert!(error.message.contains(&socket), "{error}");
    let faults = project.driver.doctor(&machine.cx).await.unwrap();
    assert!(faults[0].advice.contains("Start it"), "{faults:?}");
}
