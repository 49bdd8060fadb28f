//! Commands, files and terminals of an instance.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use banquet_sdk::process::Collect;
use banquet_sdk::{Connection, Driver, Exec, Transport};

use crate::support::{gone, project};

#[tokio::test]
async fn output_and_exit_codes_come_as_they_are() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let (code, out, err) = project
        .run(&machine, "echo out; echo err >&2; exit 3")
        .await;
    assert_eq!((code, out.as_str(), err.as_str()), (3, "out\n", "err\n"));
    assert_eq!(project.run(&machine, "kill -9 $$").await.0, 137);
    assert_eq!(project.run(&machine, "no-such-command").await.0, 127);
    let connection = project.connect(&machine).await;
    let text = Collect::default();
    let exec = Exec::new("read a; echo \"$a $GREETING\"; cat | wc -c; env | grep -c SECRET")
        .env([(&"GREETING".into(), &"world".into())])
        .stdin([b"hello\n".to_vec(), vec![b'x'; 300_000]].concat());
    connection.exec(&exec, &text).await.unwrap();
    assert_eq!(text.into_parts().0, "hello world\n300000\n0\n");
    let lines = project.out(&machine, "seq 1 200000 | tail -n 200000").await;
    assert!(lines.ends_with("199999\n200000"));
    let exec = Exec {
        user: Some("nobody-at-all".into()),
        ..Exec::new("true")
    };
    let text = Collect::default();
    let status = connection.exec(&exec, &text).await.unwrap();
    assert_eq!(status.0, 127);
    assert!(text.into_parts().1.contains("nobody-at-all"));
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_command_leaves_behind_lives_on_and_does_not_hold_it() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let started = Instant::now();
    let server = "(while :; do echo noise; echo noise >&2; done) & echo $! >/root/pid; echo up";
    let (code, out, _) = project.run(&machine, server).await;
    assert_eq!(code, 0);
    assert!(out.contains("up"));
    assert!(started.elapsed() < Duration::from_secs(60));
    // It goes on printing, to nobody, and that does not kill it: its counter grows.
    let ticks = "cut -d' ' -f14 /proc/$(cat /root/pid)/stat";
    let before: u64 = project.out(&machine, ticks).await.parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while project.out(&machine, ticks).await.parse::<u64>().unwrap() == before {
        assert!(Instant::now() < deadline, "the server hangs");
    }
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    gone(&project).await;
}

#[tokio::test]
async fn a_dropped_command_ends_with_all_its_children() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let connection = project.connect(&machine).await;
    let command = "sleep 4321 & setsid sleep 4322 | sleep 4323";
    let count = "grep -lz ^432[123] /proc/[0-9]*/cmdline | wc -l";
    let count = async || project.out(&machine, count).await;
    tokio::select! {
        status = connection.exec_quiet(command) => panic!("it ended: {status:?}"),
        () = until(async || count().await == "3") => {}
    }
    until(async || count().await == "0").await;
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}

/// Waits until `holds`, a while at most.
async fn until(holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "it never held");
    }
}

trait Quiet {
    async fn exec_quiet(&self, command: &str) -> i32;
}

impl Quiet for Box<dyn Connection> {
    async fn exec_quiet(&self, command: &str) -> i32 {
        let exec = Exec::new(command);
        self.exec(&exec, &banquet_sdk::Discard).await.unwrap().0
    }
}

#[tokio::test]
async fn files_travel_both_ways_with_their_modes() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let local = project.root.join("data");
    std::fs::create_dir_all(local.join("sub")).unwrap();
    let script = local.join("sub/run");
    std::fs::write(&script, "#!/bin/sh\necho ran\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o750)).unwrap();
    std::fs::write(local.join("big"), vec![7; 3_000_000]).unwrap();
    let connection = project.connect(&machine).await;
    connection
        .upload(&[&local, &script], "/tmp/kitchen/in")
        .await
        .unwrap();
    let ran = "cd /tmp/kitchen/in; data/sub/run; ./run; stat -c %a run; stat -c %s data/big";
    assert_eq!(project.out(&machine, ran).await, "ran\nran\n750\n3000000");
    let back = project.root.join("back/deep");
    connection
        .download(&["/tmp/kitchen/in/data", "/etc/hostname"], &back)
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(back.join("hostname")).unwrap(),
        "web-linux\n"
    );
    assert_eq!(
        std::fs::metadata(back.join("data/big")).unwrap().len(),
        3_000_000
    );
    let mode = std::fs::metadata(back.join("data/sub/run"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o750);
    let missing = connection.download(&["/no/such"], &back).await.unwrap_err();
    assert!(missing.message.contains("/no/such"), "{missing}");
    let refused = connection
        .upload(&[&local], "/proc/nowhere")
        .await
        .unwrap_err();
    assert!(refused.message.contains("/proc/nowhere"), "{refused}");
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_is_a_shell_on_the_instance() {
    let Some(project) = project().await else {
        return;
    };
    let mut machine = project.machine(None, "web");
    project
        .driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let mut login = project
        .transport
        .login(&machine.cx, &machine.state)
        .await
        .unwrap()
        .0;
    let file = project.root.join("typed");
    std::fs::write(&file, "hostname\nexit 5\n").unwrap();
    let said = login
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(5));
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("web-linux"),
        "{said:?}"
    );
    project
        .driver
        .destroy(&machine.cx, &mut machine.state)
        .await
        .unwrap();
}
