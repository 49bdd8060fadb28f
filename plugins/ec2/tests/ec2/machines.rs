//! What becomes of a section: image, user, market, place, user data.

use banquet_sdk::{Driver, Power, Status};
use serde_json::json;

use crate::support::{DEBIAN, Project, cloud};

#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_name_finds_its_owners_newest_image_and_the_user_may_log_in() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"tags": {"team": "a"}}));
    web.create().await.unwrap();
    assert_eq!(web.says("id -un; sudo -n id -un").await, "admin\nroot");
    let [machine] = &project.machines().await[..] else {
        panic!("one machine");
    };
    assert_eq!(machine.image_id(), Some(DEBIAN));
    assert_eq!(machine.instance_lifecycle(), None);
    let tag = |key: &str| {
        let tags = machine.tags();
        let found = tags.iter().find(|tag| tag.key() == Some(key));
        found.and_then(|tag| tag.value())
    };
    assert_eq!(tag("team"), Some("a"));
    assert_eq!(tag("Name"), Some("web-debian-12"));
    assert_eq!(tag("org.banquet.suite"), Some("web"));
    assert_eq!(tag("org.banquet.run"), Some(web.cx.identity.run.as_str()));
    web.destroy().await;
    assert_eq!(project.left(&web).await, [""; 0]);
    assert!(web.state.values().is_empty(), "{:?}", web.state.values());
    assert!(!web.cx.work_dir().exists() || no_files(&web.cx.work_dir()));
}

fn no_files(directory: &std::path::Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transports_own_user_stays_and_user_data_runs() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    std::fs::write(
        project.root.path().join("boot.sh"),
        "#!/bin/sh\necho booted > /srv/booted\n",
    )
    .unwrap();
    let mut web = project.machine(json!({
        "image_search": {"name": "our-own-*"}, "user_data": "boot.sh",
        "associate_public_ip": false, "metadata_options": {"http_tokens": "required"},
        "block_device_mappings": [{"device_name": "/dev/xvdb", "ebs": {"volume_size": 2}}],
    }));
    web.create().await.unwrap();
    // The image's name tells of no platform, so the transport's default user counts.
    assert_eq!(web.state.str("username"), None);
    let wait = "for i in $(seq 100); do test -f /srv/booted && break; sleep 0.1; done";
    let said = web.says(&format!("{wait}; id -un; cat /srv/booted")).await;
    assert_eq!(said, "root\nbooted");
    let [machine] = &project.machines().await[..] else {
        panic!("one machine");
    };
    let options = machine.metadata_options().unwrap();
    assert_eq!(options.http_tokens().unwrap().as_str(), "required");
    let disks: Vec<_> = machine
        .block_device_mappings()
        .iter()
        .filter_map(|disk| disk.device_name())
        .collect();
    assert_eq!(disks, ["/dev/xvdb"]);
    web.destroy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spot_machine_is_one_and_there_is_a_way_out_where_there_is_none() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut spot = project.member(
        None,
        "a",
        json!({"spot_price": 0.1, "instance_type": "m5.large"}),
    );
    let types = json!({"spot_price": "on-demand", "instance_type": ["none.here", "no.spot"]});
    let mut usual = project.member(None, "b", types);
    let (one, two) = tokio::join!(spot.create(), usual.create());
    one.unwrap();
    two.unwrap();
    for machine in project.machines().await {
        let market = machine.instance_lifecycle().map(|it| it.as_str());
        let kind = machine.instance_type().unwrap().as_str();
        let is_spot = machine.instance_id() == spot.state.str("server_id");
        assert_eq!(market, is_spot.then_some("spot"), "{kind}");
        assert_eq!(kind, if is_spot { "m5.large" } else { "no.spot" });
    }
    let said = usual.notes.text();
    assert!(
        said.contains("asking for a machine at the usual price instead"),
        "{said}"
    );
    tokio::join!(spot.destroy(), usual.destroy());
    assert_eq!(project.left(&spot).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_subnet_is_passed_over() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let (full, roomy) = (cloud.fact("full"), cloud.fact("roomy"));
    let by_id = json!({"subnet_id": [full, roomy]});
    let by_tag = json!({"subnet_filter": {"tag": "Name", "value": "roomy"}});
    let mut one = project.member(None, "a", by_id);
    let mut two = project.member(None, "b", by_tag);
    let (first, second) = tokio::join!(one.create(), two.create());
    first.unwrap();
    second.unwrap();
    for machine in project.machines().await {
        assert_eq!(machine.subnet_id(), Some(roomy));
    }
    tokio::join!(one.destroy(), two.destroy());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_switched_off_is_switched_on_by_create() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({}));
    web.create().await.unwrap();
    let id = web.id();
    let stopped = project
        .driver
        .power(&web.cx, &mut web.state, Power::Stop)
        .await;
    stopped.unwrap();
    assert_eq!(web.status().await, Status::Stopped);
    web.create().await.unwrap();
    assert_eq!((web.status().await, web.id()), (Status::Running, id));
    web.destroy().await;
    assert_eq!(web.status().await, Status::Absent);
}
