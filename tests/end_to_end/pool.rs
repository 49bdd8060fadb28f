//! Pools of existing hosts, shared by jobs that know nothing of each other. The hosts are names
//! only: the transport `exec` runs everything here.
#![cfg(unix)]

use crate::support::Project;
use tempfile::TempDir;

/// A project that takes a host of the pool; the leases are in `leases`. A converge lasts as long as
/// the project is there.
fn job(leases: &TempDir, hosts: &str, more: &str) -> Project {
    let text = format!(
        "driver:\n  name: proxy\n  hosts: {hosts}\n  {more}\ntransport: exec\n\
         provisioner:\n  name: shell\n  command: echo converging; while test -e <%= Dir.pwd %>/kitchen.yml; do sleep 0.1; done\n  \
         root_path: <%= Dir.pwd %>/remote\n\
         platforms:\n- name: any\nsuites:\n- name: web\n"
    );
    Project::new()
        .file("kitchen.yml", &text)
        .env("XDG_STATE_HOME", &leases.path().to_string_lossy())
}

fn host(job: &Project) -> String {
    let state = job.read(".kitchen/web-any.yml");
    let host = state
        .lines()
        .find_map(|line| line.strip_prefix("hostname: "));
    host.expect("a host").to_owned()
}

#[test]
fn jobs_at_the_same_time_get_hosts_of_their_own() {
    let leases = TempDir::new().unwrap();
    let jobs: Vec<Project> = (0..4).map(|_| job(&leases, "[a, b, c, d]", "")).collect();
    let running: Vec<_> = jobs.iter().map(|job| job.start("create")).collect();
    for create in running {
        create.wait().succeeds();
    }
    let mut hosts: Vec<String> = jobs.iter().map(host).collect();
    hosts.sort();
    assert_eq!(hosts, ["a", "b", "c", "d"]);
}

#[test]
fn of_two_jobs_for_one_host_one_waits_until_the_other_has_destroyed() {
    let leases = TempDir::new().unwrap();
    let (one, two) = (
        job(&leases, "[a]", ""),
        job(&leases, "[a]", "lease_timeout: 60"),
    );
    one.kitchen("create").succeeds();
    let waiting = two
        .start("create")
        .until("every host of the pool is in use; waiting for one");
    one.kitchen("destroy").succeeds();
    waiting.wait().succeeds();
    assert_eq!(host(&two), "a");
    // Destroying what is gone already gives nobody else's host away.
    one.kitchen("destroy").succeeds();
    one.kitchen("create")
        .exits(20)
        .complains("every host of the pool is in use after 0 s: a by web-any of")
        .complains(&two.path().canonicalize().unwrap().to_string_lossy())
        .complains("`kitchen destroy` in its project");
}

#[test]
fn a_lease_survives_a_killed_job_and_is_given_back_even_if_its_state_is_lost() {
    let leases = TempDir::new().unwrap();
    let killed = job(&leases, "[a]", "");
    let other = job(&leases, "[a]", "");
    killed
        .start("converge")
        .until("converging")
        .signal("KILL")
        .wait();
    other
        .kitchen("create")
        .exits(20)
        .complains("a by web-any of");
    std::fs::remove_dir_all(killed.path().join(".kitchen")).unwrap();
    other.kitchen("create").exits(20);
    killed.kitchen("destroy").succeeds();
    other.kitchen("create").succeeds();
    assert_eq!(host(&other), "a");
}
