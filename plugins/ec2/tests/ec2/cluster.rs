//! What members share: one security group, one key pair.

use banquet_sdk::Driver;
use serde_json::json;

use crate::support::{Project, cloud};

#[tokio::test(flavor = "multi_thread")]
async fn members_share_a_group_that_lets_them_talk_until_the_last_one_went() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let values = json!({"security_group_cidr_ip": ["203.0.113.0/24", "2001:db8::/32"]});
    let mut db = project.member(Some("pair-debian-12"), "db", values.clone());
    let mut web = project.member(Some("pair-debian-12"), "web", values);
    web.cx.identity.run = db.cx.identity.run.clone();
    db.gossip().await;
    web.gossip().await;
    let (one, two) = tokio::join!(db.create(), web.create());
    one.unwrap();
    two.unwrap();

    let group = db.state.str("auto_security_group_id").unwrap().to_owned();
    assert_eq!(web.state.str("auto_security_group_id"), Some(&*group));
    for machine in project.machines().await {
        let groups = machine.security_groups().iter();
        let groups: Vec<_> = groups.filter_map(|it| it.group_id()).collect();
        assert_eq!(groups, [&*group]);
        assert_eq!(machine.key_name(), db.state.str("auto_key_id"));
    }
    let request = cloud.client().describe_security_groups();
    let found = request.group_ids(&group).send().await.unwrap();
    let rules = found.security_groups()[0].ip_permissions();
    let between = rules.iter().find(|rule| rule.ip_protocol() == Some("-1"));
    let between = between
        .expect("a rule between members")
        .user_id_group_pairs();
    assert_eq!(between[0].group_id(), Some(&*group));
    let ssh: Vec<_> = rules
        .iter()
        .filter(|rule| rule.from_port() == Some(22))
        .collect();
    let v4 = ssh.iter().flat_map(|rule| rule.ip_ranges());
    let v4: Vec<_> = v4.filter_map(|range| range.cidr_ip()).collect();
    let v6 = ssh.iter().flat_map(|rule| rule.ipv6_ranges());
    let v6: Vec<_> = v6.filter_map(|range| range.cidr_ipv6()).collect();
    assert_eq!((v4, v6), (vec!["203.0.113.0/24"], vec!["2001:db8::/32"]));

    // They do talk, at the addresses that they are told of each other, once they have booted.
    db.says("true").await;
    let address = db.state.address().unwrap();
    let dial = format!("bash -c 'exec 3<>/dev/tcp/{address}/22; head -c 3 <&3'");
    assert_eq!(web.says(&dial).await, "SSH");

    db.destroy().await;
    let left = project.left(&web).await;
    assert_eq!(left.len(), 3, "machine, group and key pair: {left:?}");
    web.destroy().await;
    project.driver.dissolve(&web.cx).await.unwrap();
    assert_eq!(project.left(&web).await, [""; 0]);
    let keys = web.cx.cluster_dir().unwrap();
    assert!(std::fs::read_dir(keys).unwrap().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_made_in_a_later_run_joins_the_others_group() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut db = project.member(Some("pair"), "db", json!({}));
    let mut web = project.member(Some("pair"), "web", json!({}));
    assert_ne!(db.cx.identity.run, web.cx.identity.run);
    db.create().await.unwrap();
    web.create().await.unwrap();
    let group = |state: &banquet_sdk::State| state.str("auto_security_group_id").map(String::from);
    assert_eq!(group(&db.state), group(&web.state));
    tokio::join!(db.destroy(), web.destroy());
    project.driver.dissolve(&db.cx).await.unwrap();
    assert_eq!(project.left(&db).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_keys_of_the_users_own_are_used_and_stay() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let client = cloud.client();
    let name = format!("own-{}", project.name);
    let made = client.create_security_group().group_name(&name);
    let made = made.description("the user's").send().await.unwrap();
    let group = made.group_id().unwrap();
    client
        .create_key_pair()
        .key_name(&name)
        .send()
        .await
        .unwrap();
    let mut web = project.machine(json!({
        "security_group_filter": {"name": name}, "aws_ssh_key_id": name,
    }));
    web.create().await.unwrap();
    let [machine] = &project.machines().await[..] else {
        panic!("one machine");
    };
    assert_eq!(machine.key_name(), Some(&*name));
    assert_eq!(machine.security_groups()[0].group_id(), Some(group));
    assert_eq!(web.state.str("ssh_key"), None);
    web.destroy().await;
    let keys = client.describe_key_pairs().key_names(&name).send().await;
    assert_eq!(keys.unwrap().key_pairs().len(), 1);
    client
        .delete_security_group()
        .group_id(group)
        .send()
        .await
        .unwrap();
    client
        .delete_key_pair()
        .key_name(&name)
        .send()
        .await
        .unwrap();
}
