//! What an instance promises.
#![cfg(target_os = "linux")]

mod support;

use banquet_sdk::Driver;
use support::Project;

#[tokio::test]
async fn an_instance_is_a_machine_of_its_own() {
    let project = Project::new();
    let mut machine = project.machine(None, "web");
    let driver = &project.driver;
    driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    assert_eq!(project.out(&machine, "hostname").await, "web-linux");
    assert_eq!(
        project.out(&machine, "id -u; pwd; echo $HOME").await,
        "0\n/root\n/root"
    );
    let address = machine.state.address().unwrap().to_owned();
    let links = project.out(&machine, "cat /proc/net/fib_trie").await;
    assert!(links.contains(&address), "{links}");
    let processes = project.out(&machine, "ls -d /proc/[0-9]* | wc -l").await;
    assert!(processes.parse::<u32>().unwrap() < 8, "{processes}");
    project
        .out(
            &machine,
            "echo x >/etc/marker; echo y >/root/marker; echo z >/dev/null",
        )
        .await;
    assert!(!std::path::Path::new("/etc/marker").exists());
    driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    assert_eq!(project.helpers(), []);
    assert!(machine.state.values().is_empty(), "{:?}", machine.state);
}
