//! The real Vagrant reads the Vagrantfiles that the driver writes for all of its providers.
#![cfg(unix)]

use std::process::Command;

use crate::support::{self, Project, StandIn};
use serde_json::{Value, json};

/// Every setting that is not the provider's own.
fn rich(section: Value, provider: &str) -> Value {
    let mut section = section;
    let more = json!({
        "provider": provider, "box": "a/b", "box_url": ["http://x/1", "http://x/2"], "box_version": 1.5,
        "box_check_update": false, "box_download_insecure": true, "box_download_ca_cert": "ca.pem",
        "network": [["forwarded_port", {"guest": 80, "host": 8080, "auto_correct": true}]],
        "synced_folders": [[".", "/a \"#{b}\"", {"create": true}], ["x", "/b", "type: :rsync"]],
        "vm_hostname": format!("{}.example", provider.replace('_', "-")), "guest": "debian", "communicator": "ssh",
        "boot_timeout": "60", "env": ["A='b c'"], "username": "u", "password": "p#{1}",
        "ssh": {"insert_key": false, "forward_agent": true}, "winrm": {"timeout": 5},
        "use_cached_chef_client": true, "kitchen_cache_directory": "cache", "gui": false, "linked_clone": true,
    });
    let settings = section.as_object_mut().unwrap();
    settings.extend(more.as_object().unwrap().clone());
    section
}

#[tokio::test]
async fn vagrant_finds_no_fault_with_them() {
    if !support::vagrant() {
        return;
    }
    let (project, stand_in) = (Project::new(), StandIn::new());
    std::fs::create_dir(project.root.path().join("x")).unwrap();
    std::fs::write(project.root.path().join("ca.pem"), "").unwrap();
    let providers = [
        "virtualbox",
        "libvirt",
        "parallels",
        "vmware_desktop",
        "hyperv",
    ];
    let customize = |provider: &str| match provider {
        "libvirt" => json!({"memory": 512, "storage": ":file, size: \"1G\""}),
        _ => json!({"memory": 512, "cpus": 1}),
    };
    let section = |provider: &str| {
        let mut section = rich(stand_in.section(), provider);
        section["customize"] = customize(provider);
        section
    };
    let mut members = project.members(&providers, section).await;
    for member in &mut members {
        member.create().await.unwrap();
    }
    let root = project.environment("shop");
    let validated = Command::new("vagrant")
        .args(["validate", "--ignore-provider"])
        .current_dir(&root)
        .env("VAGRANT_CHECKPOINT_DISABLE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&validated.stderr);
    let text = std::fs::read_to_string(root.join("Vagrantfile")).unwrap();
    assert!(validated.status.success(), "{said}\n{text}");
    assert_eq!(
        text.matches("config.vm.define").count(),
        providers.len(),
        "{text}"
    );
    for member in &mut members {
        member.destroy().await;
    }
}
