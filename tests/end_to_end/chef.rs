//! Clusters converged by Chef's provisioners, with the stand-in of `fixtures/chef-cluster`.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use crate::support::{Project, needs};

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

/// An image with the stand-in of the client in a volume, as `chef/chef` has the client; it goes with
/// the test.
struct ChefImage(String);

impl ChefImage {
    fn build(project: &Project) -> Self {
        let unique = project
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy();
        let image = Self(format!(
            "banquet-test/{}",
            unique.to_lowercase().trim_matches('-')
        ));
        project.write(
            "stand-in/Dockerfile",
            "FROM banquet/busybox:1\nCOPY chef-client /opt/chef/bin/chef-client\nVOLUME /opt/chef\n",
        );
        let built = Command::new("docker")
            .args(["build", "-q", "-t", &format!("{}:18", image.0)])
            .arg(project.path().join("stand-in"))
            .env("DOCKER_BUILDKIT", "0")
            .output()
            .expect("docker runs");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        image
    }
}

impl Drop for ChefImage {
    fn drop(&mut self) {
        let image = format!("{}:18", self.0);
        let _ = Command::new("docker").args(["rmi", "-f", &image]).output();
    }
}

/// Containers, also those that never ran, of the project in this directory.
fn containers(project: &Path) -> String {
    let id = kitchen::state::project_id(project);
    let filter = format!("label=org.banquet.project={id}");
    let listed = Command::new("docker")
        .args(["ps", "-aq", "--filter", &filter])
        .output()
        .expect("docker runs");
    String::from_utf8_lossy(&listed.stdout).into_owned()
}

#[test]
fn dokken_brings_chef_in_a_volume_and_leaves_nothing() {
    if !needs("docker") || !needs("docker-ssh") {
        return;
    }
    let project = Project::copy_of("fixtures/chef-cluster");
    let image = ChefImage::build(&project);
    let text = project.read("kitchen.yml");
    let suites = text.find("suites:").expect("suites");
    project.write(
        "kitchen.yml",
        &format!(
            "driver: {{name: dokken, chef_image: {}, chef_version: 18, pull_chef_image: false, \
             pull_platform_image: false, image: 'banquet/debian-ssh:1'}}\n\
             transport: {{name: dokken}}\n\
             provisioner: {{name: dokken, enforce_idempotency: true, multiple_converge: 2}}\n\
             verifier: {{name: shell, remote_exec: true}}\n\
             platforms: [{{name: debian-12}}]\n\
             {}",
            image.0,
            &text[suites..]
        ),
    );
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&["2/2 resources updated", "0/2 resources updated"]);
    assert_eq!(
        containers(project.path()).lines().count(),
        4,
        "two members, Chef for each"
    );
    project.kitchen("destroy").succeeds();
    assert_eq!(containers(project.path()), "");
}

#[test]
fn members_are_converged_over_ssh_by_a_user_with_sudo() {
    if !needs("docker") || !needs("docker-ssh") {
        return;
    }
    let project = Project::copy_of("fixtures/chef-cluster");
    let driver = "driver: {name: docker, image: 'banquet/debian-ssh:1', pull: never, run_command: ''}\n\
                  transport: {name: ssh, username: kitchen, password: kitchen, connection_retry_sleep: 0.1}\n";
    let text = project
        .read("kitchen.yml")
        .replace("driver:\n  name: sandbox\n", driver);
    // What is uploaded is the user's.
    project.write(
        "kitchen.yml",
        &text.replace("/srv/stand-in", "/tmp/stand-in"),
    );
    let install = project.read("stand-in/install.sh");
    project.write(
        "stand-in/install.sh",
        &install.replace("/srv/stand-in", "/tmp/stand-in"),
    );
    project
        .kitchen("test")
        .succeeds()
        .prints_in_order(&["2/2 resources updated", "0/2 resources updated"]);
}

/// A project that is converged on the workstation itself, by the stand-in in place of the client;
/// its recipes write below the project.
fn on_the_workstation(more: &str) -> Option<Project> {
    if !needs("python3") {
        return None;
    }
    let project = Project::copy_of("fixtures/chef-cluster");
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stand-ins");
    let project = project.env("PATH", &format!("{}:{path}", tools.display()));
    std::fs::remove_dir_all(project.path().join("cookbooks")).expect("no cookbooks but these");
    let here = project.path().display();
    project.write(
        "kitchen.yml",
        &format!(
            "driver: {{name: exec}}\nplatforms: [{{name: here}}]\nprovisioner:\n  name: chef_infra\n  \
             sudo: false\n  install_strategy: skip\n  root_path: {here}/instance\n  \
             chef_client_path: {here}/stand-in/chef-client\n  attributes: {{dir: {here}}}\n{more}"
        ),
    );
    project.write("own/app/metadata.rb", "name 'app'\n");
    project.write(
        "own/app/recipes/default.rb",
        "file \"#{node['dir']}/made\" do\n  content 'default'\nend\n",
    );
    project.write(
        "own/app/recipes/test.rb",
        "file \"#{node['dir']}/made\" do\n  content 'test'\nend\n",
    );
    Some(project)
}

const POLICY: &str = "name 'shop'\nrun_list 'app'\nnamed_run_list :test, 'app::test'\ncookbook 'app', path: 'own/app'\n";

#[test]
fn a_policyfile_is_installed_exported_and_converged() {
    let suites = "suites:\n- {name: web}\n- {name: test, named_run_list: test, provisioner: {policy_group: ci}}\n";
    let Some(project) = on_the_workstation(suites) else {
        return;
    };
    project.write("Policyfile.rb", POLICY);
    project
        .kitchen("converge web")
        .succeeds()
        .prints("Exported policy 'shop'");
    assert_eq!(project.read("made"), "default");
    assert!(project.has("instance/policy_groups/local.json"));
    assert!(project.has("Policyfile.lock.json"));
    project.kitchen("converge test").succeeds();
    assert_eq!(project.read("made"), "test");
    assert!(
        !project.has("instance/policy_groups/local.json"),
        "gone with its export"
    );
    project.write("Policyfile.rb", "nonsense\n");
    project
        .kitchen("converge web")
        .exits(11)
        .prints("Failed to evaluate policyfile");
}

#[test]
fn a_berksfile_is_vendored_and_converged() {
    let Some(project) = on_the_workstation("suites: [{name: web, run_list: ['recipe[app]']}]\n")
    else {
        return;
    };
    project.write(
        "Berksfile",
        "source 'https://supermarket.chef.io'\ncookbook 'app', path: 'own/app'\n",
    );
    project
        .kitchen("converge")
        .succeeds()
        .prints("Vendoring app");
    assert_eq!(project.read("made"), "default");
    project.kitchen("converge").succeeds().prints("updated app");
}

#[test]
fn a_tool_that_is_missing_is_told_by_doctor_before_a_converge_needs_it() {
    for (file, names, install) in [
        (
            "Policyfile.rb",
            "chef-cli, chef, cinc-cli, cinc",
            "gem install chef-cli",
        ),
        ("Berksfile", "berks", "gem install berkshelf"),
    ] {
        let project = Project::new()
            .file(file, "")
            .file(
                "kitchen.yml",
                "driver: {name: exec}\nprovisioner: {name: chef_infra, sudo: false}\nplatforms: [{name: here}]\nsuites: [{name: web}]\n",
            )
            .env("PATH", "/no/such/directory");
        let missing = format!("there is no {names} on the PATH (/no/such/directory)");
        project
            .kitchen("doctor")
            .exits(1)
            .prints(&missing)
            .prints(install);
        project
            .kitchen("converge")
            .exits(20)
            .complains(&missing)
            .complains(install);
    }
}

#[test]
fn a_reboot_is_converged_again() {
    let Some(project) = on_the_workstation(
        "  wait_for_retry: 0\nsuites: [{name: web, run_list: ['recipe[app]']}]\n",
    ) else {
        return;
    };
    let marker = project.path().join("made").display().to_string();
    let recipe = format!("reboot 'now' unless ::File.exist?('{marker}')\n");
    let rest = project.read("own/app/recipes/default.rb");
    project.write("own/app/recipes/default.rb", &(recipe + &rest));
    std::fs::rename(project.path().join("own"), project.path().join("cookbooks")).expect("renamed");
    project.kitchen("converge").succeeds().prints_in_order(&[
        "1/1 resources updated",
        "exit code 35",
        "0/1 resources updated",
    ]);
}
