//! What an instance promises.

use std::path::Path;

use banquet_sdk::{Driver, Power, Status};

use crate::support::{Machine, gone, project};

#[tokio::test]
async fn an_instance_is_a_machine_of_its_own() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    let driver = &project.driver;
    driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    assert_eq!(project.out(&machine, "hostname").await, "web-linux");
    let home = project.out(&machine, "id -u; pwd; echo $HOME").await;
    assert_eq!(home, "0\n/root\n/root");
    let address = machine.state.address().unwrap().to_owned();
    let links = project.out(&machine, "cat /proc/net/fib_trie").await;
    assert!(links.contains(&address), "{links}");
    let processes = project.out(&machine, "ls -d /proc/[0-9]* | wc -l").await;
    assert!(processes.parse::<u32>().unwrap() < 8, "{processes}");
    let write = "echo x >/etc/marker && echo y >/root/marker && echo z >/var/marker && \
                 echo z >/dev/null && cat /etc/marker /root/marker && ls /home /tmp";
    assert_eq!(project.out(&machine, write).await, "x\ny\n/home:\n\n/tmp:");
    assert!(!Path::new("/etc/marker").exists());
    assert!(!Path::new("/var/marker").exists());
    driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    assert_eq!(project.out(&machine, "cat /etc/marker").await, "x");
    driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    gone(&project).await;
    assert!(machine.state.values().is_empty(), "{:?}", machine.state);
    driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}

#[tokio::test]
async fn root_in_an_instance_cannot_touch_the_workstation() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    for command in [
        "echo 1 >/proc/sys/kernel/printk",
        "echo h >/proc/sysrq-trigger",
        "mknod /root/disk b 254 0 && head -c 1 /root/disk",
        "date -s 2001-01-01",
    ] {
        let (code, out, _) = project.run(&machine, command).await;
        assert_ne!(code, 0, "{command}: {out}");
    }
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}

#[tokio::test]
async fn power_and_the_layer_that_survives_it() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    let driver = project.driver.clone();
    let Machine { cx, state, .. } = &mut machine;
    assert_eq!(driver.status(cx, state).await.unwrap(), Status::Absent);
    driver.create(cx, state).await.unwrap();
    let address = state.address().unwrap().to_owned();
    project
        .out(
            &machine,
            "echo kept >/etc/kept; echo kept >/tmp/kept; sleep 4321 & :",
        )
        .await;
    for (power, after) in [
        (Power::Pause, Status::Paused),
        (Power::Resume, Status::Running),
        (Power::Stop, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Kill, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Reboot, Status::Running),
        (Power::Pause, Status::Paused),
        (Power::Stop, Status::Stopped),
        (Power::Start, Status::Running),
    ] {
        let Machine { cx, state, .. } = &mut machine;
        driver.power(cx, state, power).await.unwrap();
        assert_eq!(driver.status(cx, state).await.unwrap(), after, "{power:?}");
        assert_eq!(state.address().unwrap(), address);
    }
    assert_eq!(
        project.out(&machine, "cat /etc/kept /tmp/kept").await,
        "kept\nkept"
    );
    let count = "grep -lz ^4321 /proc/[0-9]*/cmdline | wc -l";
    assert_eq!(project.out(&machine, count).await, "0");
    let Machine { cx, state, .. } = &mut machine;
    driver.power(cx, state, Power::Pause).await.unwrap();
    driver.destroy(cx, state).await.unwrap();
    gone(&project).await;
}

#[tokio::test]
async fn a_directory_or_an_archive_as_root() {
    let Some(project) = project().await else {
        return;
    };
    let root = project.root.join("image,with:signs");
    for name in ["bin", "etc", "data"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    copy_shell(&root);
    std::fs::write(root.join("data/file"), "from the image\n").unwrap();
    let archive = project.root.join("image.tar");
    let mut builder = tar_of(&archive);
    builder.append_dir_all(".", &root).unwrap();
    builder.finish().unwrap();
    for rootfs in ["image,with:signs", "image.tar"] {
        let config = serde_json::json!({"rootfs": rootfs, "hostname": "other"});
        let mut machine = project.machine_with(None, "web", config);
        let Machine { cx, state, .. } = &mut machine;
        project.driver.create(cx, state).await.unwrap();
        let seen = "read line </data/file; echo $line; echo new >/data/file; read h </etc/hostname; echo $h";
        assert_eq!(project.out(&machine, seen).await, "from the image\nother");
        let Machine { cx, state, .. } = &mut machine;
        project.driver.destroy(cx, state).await.unwrap();
    }
    let untouched = std::fs::read_to_string(root.join("data/file")).unwrap();
    assert_eq!(untouched, "from the image\n");
    let config = serde_json::json!({"rootfs": "no/such"});
    let mut machine = project.machine_with(None, "web", config);
    let error = project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/rootfs"));
}

/// Puts the workstation's shell and the libraries that it needs below `root`.
fn copy_shell(root: &Path) {
    let needed = std::process::Command::new("ldd")
        .arg("/bin/sh")
        .output()
        .unwrap();
    let needed = String::from_utf8(needed.stdout).unwrap();
    let libraries = needed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for path in libraries.chain(["/bin/sh"]) {
        let target = root.join(&path[1..]);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(path, target).unwrap();
    }
}

fn tar_of(path: &Path) -> tar::Builder<std::fs::File> {
    tar::Builder::new(std::fs::File::create(path).unwrap())
}
