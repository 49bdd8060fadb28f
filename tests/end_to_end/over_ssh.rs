//! Clusters of containers with a real sshd, reached over SSH as an ordinary user.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Project, needs};

/// A cluster `one` with the member `web`. `driver` and `suite` are further lines of those sections.
fn project(driver: &str, transport: &str, suite: &str, steps: &[&str]) -> Project {
    let steps: String = steps.iter().map(|it| format!("  - {it}\n")).collect();
    Project::new().file(
        "kitchen.yml",
        &format!(
            "driver:\n  name: docker\n  image: banquet/debian-ssh:1\n  pull: never\n  {driver}\n\
             transport:\n  name: ssh\n  username: kitchen\n  password: kitchen\n  \
             connection_retry_sleep: 0.1\n  max_wait_until_ready: 60\n  {transport}\n\
             platforms:\n- name: debian\nsuites:\n- name: web\n{suite}\n\
             multisuites:\n- name: one\n  steps:\n{steps}"
        ),
    )
}

/// The image's own command, which is sshd.
const SSHD: &str = "run_command: \"\"";

/// The container of the project's only member.
fn container(project: &Project) -> String {
    let state = project.read(".kitchen/web-debian.yml");
    let id = state
        .lines()
        .find_map(|line| line.strip_prefix("container_id: "));
    id.unwrap_or_else(|| panic!("no container in {state}"))
        .to_owned()
}

fn restart(project: &Project) {
    let restarted = Command::new("docker")
        .args(["restart", "-t", "0", &container(project)])
        .stdout(Stdio::null())
        .status();
    assert!(restarted.expect("docker runs").success());
}

#[test]
fn a_cluster_is_converged_and_verified_over_ssh() {
    if !needs("docker-ssh") {
        return;
    }
    let project = Project::copy_of("fixtures/ssh-cluster");
    project
        .kitchen("test")
        .succeeds()
        .prints("web says hello world");
}

#[test]
fn a_reboot_in_the_middle_of_a_converge_is_survived() {
    if !needs("docker-ssh") {
        return;
    }
    let suite = "  provisioner:\n    name: shell\n    retry_on_exit_code: [35]\n    \
                 wait_for_retry: 0.01\n    command: >-\n      \
                 test -f ~/rebooted && exit 0; touch ~/rebooted; echo reboots now; exec sleep 600";
    let project = project(
        SSHD,
        "",
        suite,
        &["converge web", "{step: exec web, command: id -un}"],
    );
    let test = project.start("test --destroy=always").until("reboots now");
    restart(&project);
    test.wait().succeeds().prints_in_order(&[
        "lost the connection",
        "retry 1 of 1",
        "Finished converging",
    ]);
}

#[test]
fn a_reboot_that_nobody_asked_for_fails_with_what_to_set_and_the_next_command_runs() {
    if !needs("docker-ssh") {
        return;
    }
    let suite = "  provisioner:\n    name: shell\n    command: echo reboots now; exec sleep 600";
    let project = project(SSHD, "", suite, &["converge web"]);
    let converge = project.start("converge").until("reboots now");
    restart(&project);
    converge
        .wait()
        .exits(20)
        .complains("web-debian")
        .complains("lost the connection to")
        .complains("set `retry_on_exit_code` of the provisioner");
    project
        .kitchen("exec -c 'echo it is back'")
        .succeeds()
        .prints("it is back");
}

#[test]
fn sudo_gets_its_password_for_peers_scripts_and_commands() {
    if !needs("docker-ssh") {
        return;
    }
    let driver = "run_command: \"sh -c 'sed -i s/NOPASSWD:// /etc/sudoers.d/kitchen; exec /usr/sbin/sshd -D'\"";
    let suite = "  provisioner:\n    name: shell\n    script: s.sh\n  verifier:\n    name: shell\n    \
                 remote_exec: true\n    command: test \"$(sudo cat /root/who)\" = root";
    let steps = [
        "converge web",
        "verify web",
        "{step: exec web, command: grep -q web /etc/kitchen/peers.json}",
    ];
    let script = "id -un > /root/who\n";
    let with = project(driver, "", suite, &steps).file("s.sh", script);
    with.kitchen("test --destroy=always").succeeds();

    let without = project(driver, "sudo_password: wrong", suite, &steps).file("s.sh", script);
    without
        .kitchen("create")
        .exits(20)
        .complains("tell the member of its peers")
        .complains("`sudo_password`");
}

#[test]
fn a_full_disk_is_told_with_the_directory() {
    if !needs("docker-ssh") {
        return;
    }
    let driver = format!("{SSHD}\n  tmpfs: \"/small:size=64k,mode=777\"");
    let suite = "  provisioner:\n    name: shell\n    script: s.sh\n    root_path: /small\n    data_path: data";
    let project = project(&driver, "", suite, &["converge web"]);
    project.write("s.sh", "exit 9");
    project.write("data/large", &"0123456789abcdef".repeat(64 * 1024));
    project
        .kitchen("converge")
        .exits(20)
        .complains("upload to /small/data")
        .complains("The machine's disk is full there");
}

#[test]
fn a_test_that_hangs_is_ended_on_the_machine_too() {
    if !needs("docker-ssh") {
        return;
    }
    let suite = "  verifier:\n    name: shell\n    remote_exec: true\n    command: exec sleep 4321";
    let steps = [
        "{step: verify web, timeout: 1s, allow_failure: true}",
        "{step: wait web, command: '! pgrep -f \"^sleep 4321\"'}",
    ];
    project(SSHD, "", suite, &steps)
        .kitchen("test --destroy=always")
        .succeeds()
        .prints("took longer than");
}

#[test]
fn login_is_a_shell_on_a_terminal() {
    if !needs("docker-ssh") {
        return;
    }
    let suite = "  driver:\n    volumes: [\"<%= Dir.pwd %>/id.pub:/etc/ssh/keys/kitchen:ro\"]\n  \
                 transport:\n    ssh_key: id";
    let project = project(SSHD, "", suite, &["converge web"]);
    let key = project.path().join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.expect("ssh-keygen runs").success());
    project.kitchen("create").succeeds();
    // `script` gives it a terminal.
    let line = format!("{} login web", env!("CARGO_BIN_EXE_kitchen"));
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(project.path())
        .env("HOME", project.path().join("home"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script runs");
    let mut input = script.stdin.take().expect("a pipe");
    input.write_all(b"id -un; tty; exit 7\n").expect("input");
    let out = script.wait_with_output().expect("an end");
    drop(input);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("kitchen\r\n/dev/pts/"), "{text}");
    assert_eq!(out.status.code(), Some(7), "{text}");
}
