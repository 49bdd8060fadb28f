//! Converges that are done again, after an exit code or a reboot.

use crate::support::Project;

/// Converges the workstation; `script` finds a file `tries` with a line for each attempt.
fn project(script: &str, more: &str) -> Project {
    Project::new()
        .file("s.sh", &format!("echo x >> \"$TRIES\"\n{script}\n"))
        .file(
            "kitchen.yml",
            &format!(
                "driver: exec\nprovisioner:\n  name: shell\n  script: s.sh\n  sudo: false\n  \
                 root_path: <%= Dir.pwd %>/remote\n  environment: {{TRIES: <%= Dir.pwd %>/tries}}\n  \
                 {more}\nplatforms:\n- name: here\nsuites:\n- name: default\n"
            ),
        )
}

#[test]
fn a_converge_is_done_again_after_some_exit_codes_up_to_the_limit() {
    let third = "[ $(wc -l < \"$TRIES\") -ge 3 ] || exit 35";
    let settings = "retry_on_exit_code: [35]\n  wait_for_retry: 0.01\n  max_retries: ";
    let enough = project(third, &format!("{settings}2"));
    enough.kitchen("converge").succeeds().prints("retry 2 of 2");
    assert_eq!(enough.read("tries").lines().count(), 3);

    let too_few = project(third, &format!("{settings}1"));
    too_few
        .kitchen("converge")
        .exits(11)
        .complains("exit code 35")
        .complains("It was tried 2 times (`max_retries`).");
    assert_eq!(too_few.read("tries").lines().count(), 2);
}

#[test]
fn other_exit_codes_fail_at_once() {
    let project = project("exit 36", "retry_on_exit_code: 35");
    project
        .kitchen("converge")
        .exits(11)
        .complains("exit code 36");
    assert_eq!(project.read("tries").lines().count(), 1);
}

#[test]
fn a_wrong_key_of_the_retries_is_named() {
    let project = project("", "retry_on_exit_code: often");
    project
        .kitchen("converge")
        .exits(3)
        .complains("`retry_on_exit_code`: expected a whole number")
        .complains("kitchen.yml:8:23");
    assert!(!project.has("tries"));
}
