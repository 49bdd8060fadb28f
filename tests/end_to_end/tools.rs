//! Clusters converged by the tools that people use, over SSH, run for real.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Project, needs};

/// Two members; one has the other's address from the tool's own inventory, fact or grain, the
/// verifier compares, and a second converge changes nothing.
#[track_caller]
fn a_cluster_passes(fixture: &str, says: &[&str]) {
    let project = Project::copy_of(fixture);
    let ran = project.kitchen("test --destroy=always").succeeds();
    ran.prints_in_order(says);
}

#[test]
fn ansible_converges_a_cluster_from_the_workstation() {
    if !needs("docker-ssh") || !needs("ansible") {
        return;
    }
    let says = [
        "TASK [db : greeting]",
        "PLAY RECAP",
        "changed: web : configuration with the address of the database; web : tell",
        "Step 4 of 4: converge web",
        "changed=0",
    ];
    a_cluster_passes("fixtures/ansible-cluster", &says);
}

#[test]
fn puppet_converges_a_cluster() {
    if !needs("docker-puppet") {
        return;
    }
    let says = [
        "Notice: /Stage[main]/Web/File[/etc/web.conf]/ensure: ",
        "Step 4 of 4: converge web",
        "Notice: Applied catalog",
    ];
    a_cluster_passes("fixtures/puppet-cluster", &says);
}

#[test]
fn salt_converges_a_cluster() {
    if !needs("docker-salt") {
        return;
    }
    let says = [
        "changed  file.managed web (/etc/web.conf)",
        "Step 4 of 4: converge web",
        "ok       file.managed web (/etc/web.conf)",
        "states: 1, changed: 0, failed: 0",
    ];
    a_cluster_passes("fixtures/salt-cluster", &says);
}

/// A cluster of one on image `banquet/debian-NAME:1`, reached by a user who must become root, with
/// this provisioner, twice converged.
fn twice(name: &str, provisioner: &str) -> Project {
    let kitchen = format!(
        "driver: {{name: docker, image: 'banquet/debian-{name}:1', pull: never, run_command: ''}}\n\
         transport: {{name: ssh, username: kitchen, password: kitchen}}\n\
         provisioner:\n{provisioner}\n\
         platforms: [{{name: debian-12}}]\n\
         suites: [{{name: web}}]\n\
         multisuites:\n- name: app\n  steps:\n  - converge web\n  - step: converge web\n    idempotent: true\n"
    );
    Project::new().file("kitchen.yml", &kitchen)
}

const ALWAYS: &str = "- hosts: web\n  tasks:\n  - {name: always, command: 'true'}\n";

#[test]
fn ansible_runs_on_the_instance_and_a_converge_that_repeats_itself_fails() {
    if !needs("docker-ansible") {
        return;
    }
    let project =
        twice("ansible", "  name: ansible_playbook\n  playbook: site.yml").file("site.yml", ALWAYS);
    project
        .kitchen("test --destroy=always")
        .exits(11)
        .prints("ok: [localhost]")
        .prints("the converge is not idempotent, it changed: always");
}

#[test]
fn ansible_is_installed_where_it_is_missing() {
    if !needs("docker-ssh") {
        return;
    }
    let provisioner = "  name: ansible_playbook\n  playbook: site.yml\n  \
                       ansible_package_name: ansible-core";
    let project = twice("ssh", provisioner).file(
        "site.yml",
        &ALWAYS.replace("command: 'true'", "stat: {path: /}"),
    );
    let ran = project.kitchen("test --destroy=always").succeeds();
    ran.prints_in_order(&["Setting up ansible-core", "PLAY RECAP", "PLAY RECAP"]);
}

#[test]
fn a_play_that_is_interrupted_ends_on_the_instance() {
    if !needs("docker-ssh") || !needs("ansible") {
        return;
    }
    let project = Project::copy_of("fixtures/ansible-cluster");
    // By password, for which Ansible wants sshpass.
    let kitchen = project.read("kitchen.yml");
    let kitchen = kitchen.replace("ssh_key: .kitchen/key", "password: kitchen");
    project.write("kitchen.yml", &kitchen);
    // A process of another command line than the module's, below one that is root's.
    let tasks = "- {name: last, shell: sleep 7654; true}\n";
    project.write("roles/web/tasks/main.yml", tasks);
    project.kitchen("create web").succeeds();
    let running = project.start("converge web").until("TASK [web : last]");
    let state = project.read(".kitchen/web-debian-12.yml");
    let id = state
        .lines()
        .find_map(|line| line.strip_prefix("container_id: "));
    let id = id.expect("the container's id").trim_matches('"');
    sleeps(id, true);
    running.signal("INT").wait().exits(130);
    sleeps(id, false);
    project.kitchen("destroy").succeeds();
}

/// Waits until the long task runs in the container, or does not.
#[track_caller]
fn sleeps(container: &str, wanted: bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = Command::new("docker")
            .args(["exec", container, "pgrep", "-f", "[s]leep 7654"])
            .output()
            .expect("docker runs");
        if found.status.success() == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{wanted}: {found:?}");
    }
}
