//! What the members of a cluster share, and what they do not.

use std::time::{Duration, Instant};

use banquet_sdk::{Driver, Power};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Machine, create_all, destroy_all, gone, peers, project};

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
    let deadline = Instant::now() + Duration::from_secs(60);
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
async fn a_way_out_for_those_who_want_one() {
    let Some(project) = project().await else {
        return;
    };
    // The workstation's own address in its network: reached by those alone whose settings name it.
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
            if stream.read_exact(&mut asked).await.is_ok() {
                stream.write_all(b"world").await.unwrap();
            }
        }
    });
    let online = serde_json::json!({"internet": true});
    let named = serde_json::json!({"internet": {"allow": [format!("{own}:{port}")]}});
    let mut members = [
        project.machine_with(Some("shop"), "in", serde_json::json!({})),
        project.machine_with(Some("shop"), "out", named),
        project.machine_with(Some("shop"), "plain", online),
    ];
    create_all(&project.driver, &mut members).await;
    let ask = format!(
        "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"{own}:{port}\") or die $!; \
         print $s \"hello\"; print <$s>'"
    );
    assert_eq!(project.out(&members[1], &ask).await, "world");
    assert_ne!(project.run(&members[0], &ask).await.0, 0);
    // The gate resets the connection: there is nothing to read.
    let (_, out, err) = project.run(&members[2], &ask).await;
    assert_eq!(out, "", "{err}");
    // A way that a member makes for itself leads to the gate, which does not know the member.
    let gate = members[1].state.address().unwrap();
    let gate = format!("{}.1", gate.rsplit_once('.').unwrap().0);
    let sneak = format!("ip route add default via {gate} && {ask}");
    let (_, out, err) = project.run(&members[0], &sneak).await;
    assert_eq!(out, "", "{err}");
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

/// A machine beyond the workstation: a network of its own at the other end of a cable.
struct Beyond(String);

impl Beyond {
    const HERE: &str = "203.0.113.1";
    const THERE: &str = "203.0.113.2";

    fn new() -> Self {
        let beyond = Self(format!("bq{}", std::process::id()));
        let name = &beyond.0;
        let ip = |arguments: String| {
            let mut command = std::process::Command::new("ip");
            let ran = command.args(arguments.split(' ')).output().unwrap();
            assert!(ran.status.success(), "ip {arguments}: {ran:?}");
        };
        ip(format!("netns add {name}"));
        ip(format!(
            "link add {name}h type veth peer name {name}t netns {name}"
        ));
        ip(format!("address add {}/30 dev {name}h", Self::HERE));
        ip(format!("link set {name}h up"));
        ip(format!(
            "-n {name} address add {}/30 dev {name}t",
            Self::THERE
        ));
        ip(format!("-n {name} link set {name}t up"));
        beyond
    }

    /// A server there that says `world` to everybody.
    fn serve(&self) -> std::process::Child {
        let serve = format!(
            "$s = IO::Socket::INET->new(LocalAddr => \"{}\", LocalPort => 7071, Listen => 5) or die; \
             print \"up\\n\"; while ($c = $s->accept) {{ print $c \"world\"; close $c }}",
            Self::THERE
        );
        let mut command = std::process::Command::new("ip");
        command
            .args(["netns", "exec", &self.0, "perl", "-MIO::Socket::INET", "-e"])
            .arg(format!("$| = 1; {serve}"))
            .stdout(std::process::Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut said = [0; 3];
        std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut said).unwrap();
        server
    }
}

impl Drop for Beyond {
    fn drop(&mut self) {
        // With the network the cable goes.
        let mut remove = std::process::Command::new("ip");
        let _ = remove.args(["netns", "delete", &self.0]).status();
    }
}

#[tokio::test]
async fn the_world_is_reached_but_not_the_workstation_at_the_same_cable() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let Some(project) = project().await else {
        return;
    };
    let beyond = Beyond::new();
    let mut server = beyond.serve();
    let here = std::net::TcpListener::bind((Beyond::HERE, 7071)).unwrap();
    let online = serde_json::json!({"internet": true});
    let mut members = [project.machine_with(Some("shop"), "out", online)];
    create_all(&project.driver, &mut members).await;
    let ask = |address: &str| {
        format!(
            "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"{address}:7071\")->getline'"
        )
    };
    assert_eq!(project.out(&members[0], &ask(Beyond::THERE)).await, "world");
    let (_, out, err) = project.run(&members[0], &ask(Beyond::HERE)).await;
    assert_eq!(out, "", "{err}");
    here.set_nonblocking(true).unwrap();
    let came = here.accept().unwrap_err();
    assert_eq!(came.kind(), std::io::ErrorKind::WouldBlock);
    destroy_all(&project.driver, &mut members).await;
    gone(&project).await;
    server.kill().unwrap();
    server.wait().unwrap();
}
