//! What the driver makes of Vagrant with providers that cannot run where the tests do: against a
//! stand-in for `vagrant` (tests/stand-in).
#![cfg(unix)]

use crate::support::{Project, StandIn, create_all};
use banquet_sdk::{Driver, ErrorKind, Power, Status};
use banquet_vagrant::Vagrant;
use serde_json::json;

#[tokio::test]
async fn a_cluster_is_one_vagrant_up() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    let mut members = project
        .members(&["db", "web1", "web2"], |_| vagrant.section())
        .await;
    let planned: Vec<_> = members
        .iter()
        .map(|it| it.state.str("address").unwrap().to_owned())
        .collect();
    assert_eq!(planned[0].rsplit_once('.').unwrap().1, "10");
    for made in create_all(&mut members).await {
        made.unwrap();
    }
    let up = "up --provider virtualbox --no-provision db-linux web1-linux web2-linux";
    let mut ups = vagrant.calls();
    ups.retain(|call| call.starts_with("up"));
    assert_eq!(ups.len(), 1, "{ups:?}");
    // Whoever comes first is named first.
    let sorted = |call: &str| {
        let mut words: Vec<String> = call.split(' ').map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&ups[0]), sorted(up));
    let asked = vagrant
        .calls()
        .iter()
        .filter(|call| call.starts_with("ssh-config"))
        .count();
    assert_eq!(asked, 1);
    for (member, planned) in members.iter().zip(&planned) {
        assert_eq!(member.state.str("address"), Some(planned.as_str()));
        assert_eq!(member.state.str("hostname"), Some("127.0.0.1"));
        assert_eq!(member.state.str("ssh_key"), Some("/key"));
        assert_eq!(member.status().await, Status::Running);
    }
    let file = std::fs::read_to_string(project.environment("shop").join("Vagrantfile")).unwrap();
    for address in &planned {
        assert!(
            file.contains(&format!("c.vm.network :private_network, ip: \"{address}\"")),
            "{file}"
        );
    }
    let orphans = Vagrant.orphans(&members[0].cx).await.unwrap();
    let ours = orphans
        .iter()
        .filter(|it| it.identity.project == project.name);
    assert_eq!(ours.count(), 3);
    for member in &mut members {
        member.destroy().await;
        assert_eq!(member.status().await, Status::Absent);
        assert!(member.state.values().is_empty());
    }
    Vagrant.dissolve(&members[0].cx).await.unwrap();
    assert!(!project.environment("shop").exists());
}

#[tokio::test]
async fn one_that_does_not_boot_keeps_no_other_from_it() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    vagrant.write(
        "fail-web1-linux",
        "Timed out while waiting for the machine to boot",
    );
    let mut members = project
        .members(&["db", "web1", "web2"], |_| vagrant.section())
        .await;
    let made = create_all(&mut members).await;
    for (member, made) in members.iter().zip(&made) {
        if member.cx.identity.suite == "web1" {
            let error = made.as_ref().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Timeout);
            assert!(
                error.message.contains("waiting for the machine to boot"),
                "{error}"
            );
            assert!(error.hints[0].contains("boot_timeout"), "{:?}", error.hints);
        } else {
            made.as_ref().unwrap();
        }
    }
    // A second try is for that one alone.
    std::fs::remove_file(vagrant.dir.path().join("fail-web1-linux")).unwrap();
    members[1].create().await.unwrap();
    let calls = vagrant.calls();
    let last = calls.iter().rfind(|call| call.starts_with("up")).unwrap();
    assert_eq!(last, "up --provider virtualbox --no-provision web1-linux");
    for member in &mut members {
        member.destroy().await;
    }
}

#[tokio::test]
async fn a_call_cut_off_leaves_the_others_to_the_next() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    let mut members = project.members(&["db", "web"], |_| vagrant.section()).await;
    let [db, web] = members.as_mut_slice() else {
        unreachable!()
    };
    // Its turn has come, and it is gone before Vagrant has started.
    let started = db.create();
    let _ = tokio::time::timeout(std::time::Duration::ZERO, started).await;
    web.create().await.unwrap();
    assert_eq!(web.status().await, Status::Running);
    db.create().await.unwrap();
    assert_eq!(db.status().await, Status::Running);
    db.destroy().await;
    assert_eq!(web.status().await, Status::Running);
    web.destroy().await;
}

#[tokio::test]
async fn a_member_joins_later_and_leaves_alone() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    let mut members = project.members(&["db"], |_| vagrant.section()).await;
    members[0].create().await.unwrap();
    let mut late = project.machine(Some("shop"), "late", vagrant.section());
    let peers = banquet_sdk::Peers(vec![members[0].peer(), late.peer()]);
    Vagrant
        .gossip(&late.cx, &peers, &mut late.state)
        .await
        .unwrap();
    late.create().await.unwrap();
    assert_ne!(late.state.str("address"), members[0].state.str("address"));
    let ups: Vec<_> = vagrant
        .calls()
        .into_iter()
        .filter(|call| call.starts_with("up"))
        .collect();
    assert_eq!(ups[1], "up --provider virtualbox --no-provision late-linux");
    late.destroy().await;
    assert_eq!(members[0].status().await, Status::Running);
    members[0].destroy().await;
}

#[tokio::test]
async fn an_instance_is_an_environment_of_its_own() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    let mut machine = project.machine(None, "web", vagrant.section());
    machine.create().await.unwrap();
    assert_eq!(machine.state.str("vagrant_machine"), Some("default"));
    for (power, status) in [
        (Power::Stop, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Pause, Status::Paused),
        (Power::Resume, Status::Running),
        (Power::Kill, Status::Stopped),
        (Power::Reboot, Status::Running),
    ] {
        Vagrant
            .power(&machine.cx, &mut machine.state, power)
            .await
            .unwrap();
        assert_eq!(machine.status().await, status, "{power:?}");
    }
    let calls = vagrant.calls();
    for call in [
        "halt default",
        "halt --force default",
        "suspend default",
        "reload --no-provision default",
    ] {
        assert!(calls.iter().any(|it| it == call), "{call}: {calls:?}");
    }
    let package = Vagrant
        .package(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    assert!(package.ends_with("web-linux.box") && package.is_file());
    machine.destroy().await;
    assert!(!project.environment("web-linux").exists());
}

#[tokio::test]
async fn destroy_works_without_the_vagrantfile_and_without_the_records() {
    for lost in [
        &["Vagrantfile"][..],
        &["Vagrantfile", "machines/default.json"],
    ] {
        let (project, vagrant) = (Project::new(), StandIn::new());
        let mut machine = project.machine(None, "web", vagrant.section());
        machine.create().await.unwrap();
        for file in lost {
            std::fs::remove_file(project.environment("web-linux").join(file)).unwrap();
        }
        machine.destroy().await;
        assert!(
            vagrant
                .calls()
                .contains(&"destroy --force default".to_owned())
        );
        assert!(!project.environment("web-linux").exists());
    }
}

#[tokio::test]
async fn another_vagrant_at_work_is_waited_for_with_a_limit() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    vagrant.write("locked", "once\n");
    let mut machine = project.machine(None, "web", vagrant.section());
    machine.create().await.unwrap();
    vagrant.write("locked", &"again\n".repeat(100));
    let mut section = vagrant.section();
    section["lock_timeout"] = json!(0);
    let mut impatient = project.machine(None, "web", section);
    impatient.state = machine.state.clone();
    let error = impatient.create().await.unwrap_err();
    assert!(
        error
            .message
            .contains("another process is already executing"),
        "{error}"
    );
    assert!(error.hints[0].contains("lock_timeout"), "{:?}", error.hints);
    vagrant.write("locked", "");
    machine.destroy().await;
}

#[tokio::test]
async fn a_template_of_ones_own_and_a_command_before() {
    let (project, vagrant) = (Project::new(), StandIn::new());
    let template = "{{#each machines}}define {{ruby name}} in {{ruby vm.box}} for {{settings.note}}\n{{/each}}";
    std::fs::write(project.root.path().join("mine.hbs"), template).unwrap();
    let mut section = vagrant.section();
    section["vagrantfile_erb"] = json!("mine.hbs");
    section["note"] = json!("#1");
    section["pre_create_command"] = json!("echo '{{vagrant_root}}' > before");
    section["box_auto_update"] = json!(true);
    let mut machine = project.machine(None, "web", section.clone());
    machine.create().await.unwrap();
    let root = project.environment("web-linux");
    let file = std::fs::read_to_string(root.join("Vagrantfile")).unwrap();
    assert_eq!(file, "define \"default\" in \"mine\" for #1\n");
    let before = std::fs::read_to_string(project.root.path().join("before")).unwrap();
    assert_eq!(before.trim(), root.display().to_string());
    assert_eq!(
        vagrant.calls()[0],
        "box update --box mine --provider virtualbox"
    );
    machine.destroy().await;
    std::fs::write(
        project.root.path().join("mine.hbs"),
        "{{#each machines}}{{nothing}}{{/each}}",
    )
    .unwrap();
    let error = project
        .machine(None, "web", section.clone())
        .create()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.key.as_deref()),
        (ErrorKind::Config, Some("/vagrantfile_erb"))
    );
    assert!(error.message.contains("mine.hbs"), "{error}");
    std::fs::write(project.root.path().join("mine.hbs"), "<%= config[:box] %>").unwrap();
    let machine = &mut project.machine(None, "web", section);
    let error = machine.create().await.unwrap_err();
    assert!(error.message.ends_with("it is written in ERB"), "{error}");
    machine.destroy().await;
}
