//! From end to end: the kitchen finds the driver's executable on its PATH.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, Instance};
use banquet_sdk::conformance::{requires, unique};

use crate::support::{Cloud, cloud};

const DRIVER: &str = env!("CARGO_BIN_EXE_kitchen-driver-ec2");

/// A copy of the fixture, whose machines have a tag of their own.
struct Kitchen {
    cloud: &'static Cloud,
    root: tempfile::TempDir,
    tag: String,
    path: String,
}

fn kitchen(more: &str) -> Option<Kitchen> {
    let cloud = cloud()?;
    let here = Path::new(DRIVER).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", here.display());
    let found = Command::new("kitchen")
        .arg("--version")
        .env("PATH", &path)
        .output();
    let found = found.map_err(|error| error.to_string());
    let found = found.and_then(|said| {
        let text = String::from_utf8_lossy(&said.stdout).to_lowercase();
        match text.contains("banquet") {
            true => Ok(()),
            false => Err(format!("another kitchen is on the PATH: {text}")),
        }
    });
    if !requires("kitchen", found) {
        return None;
    }
    let root = tempfile::tempdir().unwrap();
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for name in ["ec2-cluster", "ssh-cluster"] {
        let copied = Command::new("cp")
            .arg("-r")
            .args([&fixtures.join(name), root.path()])
            .status();
        assert!(copied.unwrap().success());
    }
    let tag = unique();
    let local = format!(
        "driver:\n  tags: {{test: {tag}}}\n  retryable_sleep: 0.2\n  retryable_tries: 300\n  \
         consistency_wait: 2\n{more}\ntransport:\n  connection_retry_sleep: 0.1\n"
    );
    std::fs::write(root.path().join("ec2-cluster/kitchen.local.yml"), local).unwrap();
    Some(Kitchen {
        cloud,
        root,
        tag,
        path,
    })
}

impl Kitchen {
    fn project(&self) -> PathBuf {
        self.root.path().join("ec2-cluster")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("kitchen");
        command
            .args(arguments.split(' '))
            .current_dir(self.project())
            .env("PATH", &self.path)
            .env("HOME", self.root.path())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", self.cloud.fact("region"))
            .env("AWS_ENDPOINT_URL", self.cloud.fact("endpoint"));
        command
    }

    fn start(&self, arguments: &str) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// What a command that succeeds prints.
    fn run(&self, arguments: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(status.success(), "kitchen {arguments}: {out}{err}");
        out + &err
    }

    async fn machines(&self) -> Vec<Instance> {
        let tag = Filter::builder().name("tag:test").values(&self.tag);
        let request = self.cloud.client().describe_instances();
        let answer = request.filters(tag.build()).send().await.unwrap();
        let all = answer.reservations.unwrap_or_default().into_iter();
        all.flat_map(|it| it.instances.unwrap_or_default())
            .filter(|it| it.state().unwrap().name().unwrap().as_str() != "terminated")
            .collect()
    }

    /// Security groups of the project of these machines.
    async fn groups(&self, project: &str) -> usize {
        let tag = Filter::builder()
            .name("tag:org.banquet.project")
            .values(project);
        let request = self.cloud.client().describe_security_groups();
        let answer = request.filters(tag.build()).send().await.unwrap();
        answer.security_groups().len()
    }

    /// Kills the kitchen once EC2 has a machine whose id it will never hear.
    async fn killed_in_create(&self) -> String {
        let mut create = self.start("create db");
        let machine = loop {
            if let Some(machine) = self.machines().await.pop() {
                break machine;
            }
            let ended = create.try_wait().unwrap();
            assert!(ended.is_none(), "kitchen create ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        create.kill().unwrap();
        create.wait().unwrap();
        let tags = machine.tags().iter();
        let mut project = tags.filter(|tag| tag.key() == Some("org.banquet.project"));
        project.next().unwrap().value().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_created_converged_rebooted_verified_and_destroyed() {
    let Some(kitchen) = kitchen("") else { return };
    let told = kitchen.run("test");
    assert!(
        told.contains("asking for a spot machine of type t3.micro"),
        "{told}"
    );
    assert_eq!(kitchen.machines().await.len(), 0);
    assert_eq!(kitchen.run("gc").matches("machine i-").count(), 0);
    let doctor = kitchen.run("doctor");
    assert!(!doctor.contains("credentials"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_finds_what_a_killed_kitchen_never_heard_of() {
    let Some(kitchen) = kitchen("  instance_type: never.answers") else {
        return;
    };
    let project = kitchen.killed_in_create().await;
    kitchen.run("destroy");
    assert_eq!(kitchen.machines().await.len(), 0);
    assert_eq!(kitchen.groups(&project).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_finds_what_is_left_where_all_else_is_lost() {
    let Some(kitchen) = kitchen("  instance_type: never.answers") else {
        return;
    };
    let project = kitchen.killed_in_create().await;
    std::fs::remove_dir_all(kitchen.project().join(".kitchen")).unwrap();
    let listed = kitchen.run("gc");
    for what in [
        "machine i-",
        "security group sg-",
        "key pair banquet-greeting",
    ] {
        assert!(listed.contains(what), "{what}: {listed}");
    }
    kitchen.run("gc --yes");
    assert_eq!(kitchen.machines().await.len(), 0);
    assert_eq!(kitchen.groups(&project).await, 0);
}
