//! What an instance and a cluster promise, to root and to an ordinary user.
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use banquet_sandbox::{SandboxDriver, SandboxTransport};
use banquet_sdk::conformance::{self, Subject};
use banquet_sdk::process::Collect;
use banquet_sdk::{Connection, Driver, Exec, Power, State, Status, Transport};
use support::{Machine, create_all, destroy_all, peers, project};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    assert!(!std::path::Path::new("/etc/marker").exists());
    assert!(!std::path::Path::new("/var/marker").exists());
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
        .env(&[("GREETING".into(), "world".into())].into())
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
    assert!(started.elapsed() < Duration::from_secs(20));
    // It goes on printing, to nobody, and that does not kill it: its counter grows.
    let ticks = "cut -d' ' -f14 /proc/$(cat /root/pid)/stat";
    let before: u64 = project.out(&machine, ticks).await.parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
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

/// Waits until no helper is left: those that watch pipes see the end of the instance by themselves.
async fn gone(project: &support::Project) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !project.helpers().is_empty() {
        assert!(Instant::now() < deadline, "{:?}", project.helpers());
        tokio::task::yield_now().await;
    }
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
    let deadline = Instant::now() + Duration::from_secs(20);
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
async fn members_reach_each_other_by_name_and_nothing_else_does() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    let mut members = ["db", "web1", "web2"].map(|suite| project.machine(Some("shop"), suite));
    for member in &mut members {
        let all = banquet_sdk::Peers::default();
        driver
            .gossip(&member.cx, &all, &mut member.state)
            .await
            .unwrap();
    }
    let noted: Vec<_> = members
        .iter()
        .map(|m| m.state.address().map(str::to_owned))
        .collect();
    create_all(driver, &mut members).await;
    let real: Vec<_> = members
        .iter()
        .map(|m| m.state.address().map(str::to_owned))
        .collect();
    assert_eq!(noted, real);
    let keepers = project
        .helpers()
        .iter()
        .filter(|(_, line)| line.contains(" keep "))
        .count();
    assert_eq!(keepers, 1);
    let everyone = peers(&members.iter().collect::<Vec<_>>());
    for member in &mut members {
        driver
            .late_gossip(&member.cx, &everyone, &mut member.state)
            .await
            .unwrap();
        driver
            .late_gossip(&member.cx, &everyone, &mut member.state)
            .await
            .unwrap();
    }
    let resolved = project
        .out(
            &members[1],
            "getent hosts db-linux; grep -c begin /etc/hosts",
        )
        .await;
    assert!(
        resolved.starts_with(noted[0].as_deref().unwrap()),
        "{resolved}"
    );
    assert!(resolved.ends_with("\n1"), "{resolved}");
    let serve = "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 7070, \
         Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { print $c \"hello from db\"; \
         close $c }' >/dev/null 2>&1 &";
    project.out(&members[0], serve).await;
    let connection = project.connect(&members[0]).await;
    let mut text = String::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match connection.dial(7070).await {
            Ok(mut stream) => {
                stream.write_all(b"").await.unwrap();
                stream.read_to_string(&mut text).await.unwrap();
                break;
            }
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
    assert_eq!(text, "hello from db");
    let ask = "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"db:7070\")->getline'";
    assert_eq!(project.out(&members[2], ask).await, "hello from db");
    // From the workstation only through the group's network.
    let prefix = driver
        .local_prefix(&members[0].cx, &members[0].state)
        .await
        .unwrap();
    let address = noted[0].as_deref().unwrap();
    let from_here = ask.replace("db:7070", &format!("{address}:7070"));
    let through = tokio::process::Command::new(&prefix[0])
        .args(&prefix[1..])
        .args(["sh", "-c", &format!("{from_here}; id -u")])
        .output()
        .await
        .unwrap();
    let own = rustix::process::getuid().as_raw();
    let said = String::from_utf8_lossy(&through.stdout).into_owned();
    assert_eq!(said, format!("hello from db{own}\n"), "{through:?}");
    let links = std::fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!links.contains("banquet"), "{links}");
    destroy_all(driver, &mut members).await;
    gone(&project).await;
    assert!(
        std::fs::read_dir(project.root.join(".kitchen/work"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[tokio::test]
async fn two_clusters_of_one_name_do_not_touch() {
    let (Some(first), Some(second)) = (project().await, project().await) else {
        return;
    };
    let mut ours = [first.machine(Some("shop"), "db")];
    let mut theirs = [second.machine(Some("shop"), "db")];
    create_all(&first.driver, &mut ours).await;
    create_all(&second.driver, &mut theirs).await;
    // Same names, same addresses, other worlds.
    assert_eq!(ours[0].state.address(), theirs[0].state.address());
    destroy_all(&first.driver, &mut ours).await;
    gone(&first).await;
    assert_eq!(second.out(&theirs[0], "hostname").await, "db-linux");
    destroy_all(&second.driver, &mut theirs).await;
    gone(&second).await;
}

#[tokio::test]
async fn a_destroyed_member_leaves_the_others_and_can_come_back() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    let mut members = ["db", "web"].map(|suite| project.machine(Some("shop"), suite));
    create_all(driver, &mut members).await;
    let address = members[1].state.address().unwrap().to_owned();
    project.out(&members[1], "echo x >/etc/marker").await;
    // By its own name, without its cluster: it stays a member.
    let mut alone = members[1].cx.clone();
    alone.identity.cluster = None;
    let Machine { cx, state, .. } = &mut members[1];
    driver.power(&alone, state, Power::Reboot).await.unwrap();
    driver.create(cx, state).await.unwrap();
    assert_eq!(project.out(&members[1], "cat /etc/marker").await, "x");
    let Machine { state, .. } = &mut members[1];
    driver.destroy(&alone, state).await.unwrap();
    assert_eq!(project.out(&members[0], "hostname").await, "db-linux");
    let Machine { cx, state, .. } = &mut members[1];
    driver.create(cx, state).await.unwrap();
    assert_eq!(state.address(), Some(address.as_str()));
    assert_ne!(project.run(&members[1], "cat /etc/marker").await.0, 0);
    destroy_all(driver, &mut members).await;
    gone(&project).await;
}

#[tokio::test]
async fn a_lost_or_half_written_state_is_no_leak() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    let mut machine = project.machine(None, "web");
    driver
        .create(&machine.cx, &mut machine.state)
        .await
        .unwrap();
    let mut lone = project.machine(Some("shop"), "web");
    lone.state = machine.state.clone();
    let Machine { cx, state, .. } = &mut lone;
    let error = driver.create(cx, state).await.unwrap_err();
    assert!(error.message.contains("network of shop"), "{error}");
    driver
        .destroy(&machine.cx, &mut State::in_memory())
        .await
        .unwrap();
    gone(&project).await;
    // As after a kill at any moment: only what was on disk before the instance was made.
    let mut members = ["db", "web"].map(|suite| project.machine(Some("shop"), suite));
    create_all(driver, &mut members).await;
    let orphans = driver.orphans(&members[0].cx).await.unwrap();
    let ours = orphans
        .iter()
        .filter(|orphan| orphan.identity.project == members[0].cx.identity.project);
    assert_eq!(ours.count(), 3);
    members[0].state.remove("sandbox_init");
    members[1].state = State::in_memory();
    let Machine { cx, state, .. } = &mut members[0];
    driver.create(cx, state).await.unwrap();
    assert_eq!(project.helpers().len(), 3);
    std::fs::write(project.root.join(".kitchen/work/shop.lock"), "{\"cut").unwrap();
    destroy_all(driver, &mut members).await;
    gone(&project).await;
}

#[tokio::test]
async fn a_creation_that_is_dropped_at_any_moment_is_no_leak() {
    let Some(project) = project().await else {
        return;
    };
    let driver = &project.driver;
    for micros in [
        0, 500, 1000, 2000, 4000, 6000, 8000, 12000, 16000, 24000, 32000,
    ] {
        let mut machine = project.machine(None, "web");
        let Machine { cx, state, store } = &mut machine;
        let limit = Duration::from_micros(micros);
        let _ = tokio::time::timeout(limit, driver.create(cx, state)).await;
        let on_disk = store.0.lock().unwrap().clone();
        let mut state = State::new(on_disk, store.clone());
        driver.destroy(cx, &mut state).await.unwrap();
        gone(&project).await;
    }
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
fn copy_shell(root: &std::path::Path) {
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

fn tar_of(path: &std::path::Path) -> tar::Builder<std::fs::File> {
    tar::Builder::new(std::fs::File::create(path).unwrap())
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

#[tokio::test]
async fn a_way_out_for_those_who_want_one() {
    let Some(project) = project().await else {
        return;
    };
    // The workstation's own address in its network: beyond the cluster as any other.
    let route = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if route.connect("198.51.100.1:9").is_err() {
        eprintln!("skipped: the workstation is in no network");
        return;
    }
    let own = route.local_addr().unwrap().ip();
    let server = tokio::net::TcpListener::bind((own, 0)).await.unwrap();
    let port = server.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut asked = [0; 5];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(b"world").await.unwrap();
        }
    });
    let online = serde_json::json!({"internet": true});
    let mut members = [
        project.machine_with(Some("shop"), "in", serde_json::json!({})),
        project.machine_with(Some("shop"), "out", online),
    ];
    create_all(&project.driver, &mut members).await;
    let ask = format!(
        "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"{own}:{port}\") or die $!; \
         print $s \"hello\"; print <$s>'"
    );
    assert_eq!(project.out(&members[1], &ask).await, "world");
    assert_ne!(project.run(&members[0], &ask).await.0, 0);
    let servers = project.out(&members[1], "cat /etc/resolv.conf").await;
    let gate = members[1]
        .state
        .address()
        .unwrap()
        .rsplit_once('.')
        .unwrap()
        .0;
    assert!(
        servers.starts_with(&format!("nameserver {gate}.1")),
        "{servers}"
    );
    let helpers = project.helpers();
    let gates = helpers.iter().filter(|(_, line)| line.contains(" gate "));
    assert_eq!(gates.count(), 1, "{helpers:?}");
    destroy_all(&project.driver, &mut members).await;
    gone(&project).await;
    serving.abort();
}

fn subject() -> Subject {
    let server = "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 7007, \
         Listen => 5) or die; while ($c = $s->accept) { print $c $_ while <$c> }'";
    Subject::new(
        SandboxDriver::new(support::helper()),
        SandboxTransport::new(support::helper()),
    )
    .listen(7007, server)
}

#[tokio::test]
async fn the_driver_keeps_the_contract() {
    if project().await.is_some() {
        conformance::driver(&subject()).await;
    }
}

#[tokio::test]
async fn the_transport_keeps_the_contract() {
    if project().await.is_some() {
        conformance::connection(&subject()).await;
    }
}

/// All of the above once more, without any privilege.
#[test]
fn an_ordinary_user_has_all_of_it() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const USER: u32 = 64_123;
    let place = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    let (tests, helper) = (
        place.path().join("tests"),
        place.path().join("banquet-sandbox"),
    );
    std::fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    std::fs::copy(support::helper(), &helper).unwrap();
    let own = place.path().join("own");
    std::fs::create_dir(&own).unwrap();
    for path in [place.path(), &tests, &helper, &own] {
        std::fs::set_permissions(path, open.clone()).unwrap();
    }
    std::os::unix::fs::chown(&own, Some(USER), Some(USER)).unwrap();
    let ran = std::process::Command::new(&tests)
        .env(support::HELPER, &helper)
        .env("TMPDIR", &own)
        .current_dir(&own)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("test result: ok"), "{said}");
}
