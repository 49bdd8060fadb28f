//! Clusters converged by Chef's provisioners, with the stand-in of `fixtures/chef-cluster`.
#![cfg(target_os = "linux")]

mod support;

use support::{Project, needs};

fn project() -> Option<Project> {
    (needs("sandbox") && needs("python3")).then(|| Project::copy_of("fixtures/chef-cluster"))
}

#[test]
fn a_member_finds_its_peer_by_search_and_a_second_converge_updates_nothing() {
    let Some(project) = project() else { return };
    project
        .kitchen("test")
        .succeeds()
        .prints("installed the stand-in of chef")
        .prints("0/2 resources updated");
    assert!(
        !project.has(".kitchen/clusters/shop-host"),
        "gone with the cluster"
    );
}

#[test]
fn the_same_passes_for_an_ordinary_user() {
    if !needs("ordinary-user") || !needs("python3") {
        return;
    }
    Project::copy_of("fixtures/chef-cluster")
        .as_ordinary_user()
        .kitchen("test")
        .succeeds()
        .prints("0/2 resources updated");
}

#[test]
fn a_member_is_found_before_it_has_converged_and_no_more_once_it_is_destroyed() {
    let Some(project) = project() else { return };
    let text = project.read("kitchen.yml");
    let steps = text.find("  - converge db\n").expect("the first step");
    // Without db's own run there is no port yet, and after its end nothing is found.
    project.write(
        "kitchen.yml",
        &format!(
            "{}  - converge web\n  - step: exec web\n    command: cat /srv/web/page\n    expect: {{contains: 'hello from shop at {{{{peers.db.address}}}}:'}}\n  - destroy db\n  - step: converge web\n    expect_failure: true\n",
            &text[..steps]
        ),
    );
    project
        .kitchen("test")
        .succeeds()
        .prints("there is no database");
}

#[test]
fn a_converge_that_changes_something_again_is_no_idempotent_one() {
    let Some(project) = project() else { return };
    // Two resources that undo each other.
    project.write(
        "cookbooks/db/recipes/default.rb",
        "file '/srv/one' do\n  content 'one'\nend\n\nfile '/srv/one' do\n  content 'two'\nend\n",
    );
    project
        .kitchen("test")
        .exits(11)
        .complains("the converge is not idempotent, it changed: file[/srv/one] action create");
}
