//! What EC2 refuses, and what is said then.

use std::process::Command;

use banquet_sdk::{Driver, Error, ErrorKind};
use serde_json::{Value, json};

use crate::support::{Machine, Project, cloud, driver};

/// Creates, and checks that the failure leaves nothing, at once.
async fn refused(machine: &mut Machine<'_>) -> Error {
    let error = machine.create().await.unwrap_err();
    assert_eq!(
        machine.state.str("ec2_client_token"),
        None,
        "a token is left: {error}"
    );
    assert_eq!(machine.project.machines().await.len(), 0);
    machine.destroy().await;
    assert_eq!(machine.project.left(machine).await, [""; 0]);
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_says_what_why_and_what_to_do() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let (config, machine) = (ErrorKind::Config, ErrorKind::Machine);
    let full = cloud.fact("full");
    for (values, kind, key, said, hint) in [
        (
            json!({"instance_type": "none.here"}),
            machine,
            None,
            "InsufficientInstanceCapacity",
            "instance_type",
        ),
        (
            json!({"instance_type": ["none.here", "no.spot"], "spot_price": 0.01, "spot_fallback": false}),
            machine,
            None,
            "none.here in the default network: InsufficientInstanceCapacity; no.spot in the default \
             network: SpotMaxPriceTooLow",
            "spot_fallback",
        ),
        (
            json!({"instance_type": "no.quota"}),
            machine,
            None,
            "VcpuLimitExceeded",
            "quota",
        ),
        (
            json!({"image_id": "ami-12345678"}),
            config,
            Some("/image_id"),
            "ami-12345678",
            "region eu-west-1",
        ),
        (
            json!({"image_search": {"name": "nothing-*"}}),
            config,
            Some("/image_search"),
            "nothing-*",
            "image_id",
        ),
        (
            json!({"subnet_id": "subnet-12345678"}),
            config,
            Some("/subnet_id"),
            "subnet-12345678",
            "region",
        ),
        (
            json!({"subnet_id": full}),
            machine,
            None,
            "no address is free",
            "another subnet",
        ),
        (
            json!({"subnet_filter": {"tag": "Name", "value": "nowhere"}}),
            config,
            Some("/subnet_filter"),
            "Name=nowhere",
            "",
        ),
        (
            json!({"security_group_filter": {"name": "nobody"}}),
            config,
            Some("/security_group_filter"),
            "group-name nobody",
            "",
        ),
        (
            json!({"aws_ssh_key_id": "nobody"}),
            config,
            Some("/aws_ssh_key_id"),
            "nobody",
            "region",
        ),
    ] {
        let mut web = project.machine(values.clone());
        let error = refused(&mut web).await;
        assert_eq!(
            (error.kind, error.key.as_deref()),
            (kind, key),
            "{values}: {error}"
        );
        assert!(error.message.contains(said), "{values}: {error}");
        assert!(
            error.hints.concat().contains(hint),
            "{values}: {:?}",
            error.hints
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_nobody_knows_needs_an_image() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({}));
    web.cx.identity.platform = "solaris-11".into();
    let error = refused(&mut web).await;
    assert_eq!(error.key.as_deref(), Some("/image_id"));
    assert!(error.message.contains("solaris-11"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_made_again_later_and_at_last_given_up() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"instance_type": "throttled.twice"}));
    web.create().await.unwrap();
    web.destroy().await;
    let mut web = project.machine(json!({"instance_type": "throttled.always", "retry_limit": 1}));
    let error = refused(&mut web).await;
    assert!(error.message.contains("RequestLimitExceeded"), "{error}");
    assert!(error.hints.concat().contains("retry_limit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_while_it_starts_tells_why() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let mut web = project.machine(json!({"instance_type": "dies.early"}));
    let error = web.create().await.unwrap_err();
    assert!(
        error.message.contains("Client.VolumeLimitExceeded"),
        "{error}"
    );
    let notes = web.notes.text();
    assert!(notes.contains("no space for the root volume"), "{notes}");
    // A second attempt makes another one.
    let first = web.id();
    web.create().await.unwrap_err();
    assert_ne!(web.id(), first);
    web.destroy().await;
    assert_eq!(project.left(&web).await, [""; 0]);
}

#[tokio::test]
async fn nobody_at_the_other_end() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nobody = format!("http://127.0.0.1:{port}");
    let mut web = project.machine(json!({"endpoint_url": nobody, "retry_limit": 0}));
    let error = web.create().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    assert!(
        error.hints.concat().contains("endpoint_url"),
        "{:?}",
        error.hints
    );
    let faults = project.driver.doctor(&web.cx).await.unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[tokio::test]
async fn all_is_well() {
    let Some(cloud) = cloud() else { return };
    let project = Project::new(cloud);
    let web = project.machine(json!({}));
    assert_eq!(project.driver.doctor(&web.cx).await.unwrap(), []);
}

/// Run by the tests below in a process without any variables.
#[tokio::test]
#[ignore = "a part of other tests"]
async fn in_an_empty_environment() {
    let values: Value = serde_json::from_str(&std::env::var("VALUES").unwrap()).unwrap();
    let given = std::env::var("CREDENTIALS").is_ok();
    let driver = match given {
        true => driver(),
        false => banquet_ec2::Ec2::default(),
    };
    let identity = banquet_sdk::Identity {
        project: "p".into(),
        cluster: None,
        instance: "i".into(),
        suite: "s".into(),
        platform: "debian-12".into(),
        run: "r".into(),
    };
    let section = banquet_sdk::conformance::settings(values);
    let cx = banquet_sdk::Context::for_tests(identity, "/".into(), section);
    let mut state = banquet_sdk::State::in_memory();
    let error = driver.create(&cx, &mut state).await.unwrap_err();
    println!(
        "{:?} {:?} {} {:?}",
        error.kind, error.key, error.message, error.hints
    );
}

fn without_variables(values: Value, credentials: bool) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "failures::in_an_empty_environment",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("VALUES", values.to_string());
    if credentials {
        command.env("CREDENTIALS", "given");
    }
    let said = command.output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("1 passed"), "{said}");
    said
}

#[test]
fn no_region() {
    let said = without_variables(json!({}), true);
    assert!(
        said.contains(r#"Config Some("/region") no region is named"#),
        "{said}"
    );
}

#[test]
fn no_credentials() {
    let said = without_variables(json!({"region": "eu-west-1"}), false);
    assert!(
        said.contains("Config None find credentials for AWS: "),
        "{said}"
    );
    assert!(said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    let profile = json!({"region": "eu-west-1", "shared_credentials_profile": "nobody"});
    let said = without_variables(profile, false);
    assert!(
        said.contains(r#"Some("/shared_credentials_profile")"#),
        "{said}"
    );
}
